//! The daemon's HTTP API as the commands use it: at `server.admin_listen`, or at `server.listen` without one, with the token that
//! allows most. Every error is a sentence.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use url::Url;

use crate::config::{Config, Secret};
use crate::http;

/// The longest a call to the daemon may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The daemon, spoken to.
pub(super) struct Api {
    client: Client,
    base: Url,
    token: Secret,
    /// The largest body the daemon takes, in bytes.
    pub body_bytes_max: usize,
}

impl Api {
    /// The daemon that this configuration describes.
    pub fn of(config: &Config) -> Result<Self> {
        let address = reachable(config.server.api_listen());
        Ok(Self {
            client: http::client(TIMEOUT).context("no HTTP client")?,
            base: Url::parse(&format!("http://{address}/"))
                .context("the daemon's address can't be asked")?,
            token: config
                .strongest()
                .map(|bearer| bearer.token.clone())
                .unwrap_or_default(),
            body_bytes_max: config.server.max_body,
        })
    }

    /// `GET` of one thing.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value> {
        self.call(Method::GET, path, query, None).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// A list, its cursors followed until `max` items are there. The flag says whether there are more.
    pub async fn list(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        max: usize,
    ) -> Result<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let limit = max.saturating_sub(items.len()).clamp(1, 500).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let mut page = self.get(path, &query).await?;
            let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) else {
                bail!("the daemon's answer has no `items`: is it another version?");
            };
            let empty = found.is_empty();
            items.extend(found);
            let next = page["cursor"].as_str().map(str::to_owned);
            if next.is_none() || empty || next == cursor {
                return Ok((items, false));
            }
            if items.len() >= max {
                return Ok((items, true));
            }
            cursor = next;
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value> {
        let url = address(&self.base, path)?;
        let mut request = self
            .client
            .request(method, url)
            .header("x-acceptd", "cli")
            .query(query);
        if self.token.is_set() {
            request = request.bearer_auth(self.token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let at = self.base.as_str().trim_end_matches('/');
        let answer = request.send().await.map_err(|e| {
            if e.is_connect() {
                anyhow!("the daemon is not running at {at}: start it with `acceptd serve`, or name its configuration with --config")
            } else if e.is_timeout() {
                anyhow!("the daemon at {at} did not answer within {} s", TIMEOUT.as_secs())
            } else {
                anyhow!("the daemon at {at} can't be asked: {}", http::describe(e))
            }
        })?;
        let status = answer.status();
        let bytes = http::read_body(answer, ANSWER_BYTES_MAX)
            .await
            .with_context(|| format!("the answer of the daemon at {at} broke off"))?;
        let value = serde_json::from_slice(&bytes);
        if !status.is_success() {
            bail!(
                "{}",
                problem(status, value.as_ref().unwrap_or(&Value::Null))
            );
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        value.with_context(|| format!("what answers at {at} is not acceptd"))
    }
}

/// A problem body (RFC 9457) as a sentence.
fn problem(status: StatusCode, body: &Value) -> String {
    let text = |key: &str| body[key].as_str().filter(|t| !t.is_empty());
    let mut said = match (text("title"), text("detail")) {
        (Some(title), Some(detail)) if title != detail => format!("{title}: {detail}"),
        (Some(one), _) | (None, Some(one)) => one.to_owned(),
        (None, None) => format!("the daemon answered {status}"),
    };
    if let Some(field) = text("field") {
        said = format!("{field}: {said}");
    }
    if status == StatusCode::UNAUTHORIZED {
        said.push_str(" (server.admin_token of this configuration, or its [[token]], is not the running daemon's)");
    }
    said
}

/// Where a listener on every address is reached from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The URL of a path whose segments may hold anything.
fn address(base: &Url, path: &[&str]) -> Result<Url> {
    let mut url = base.clone();
    if let Some(bad) = path.iter().find(|s| matches!(**s, "" | "." | "..")) {
        bail!("{bad:?} is no id that a URL can carry");
    }
    url.path_segments_mut()
        .map_err(|()| anyhow!("the daemon's address is no base of URLs"))?
        .clear()
        .extend(path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_as_one_segment() {
        let base = Url::parse("http://127.0.0.1:1/").unwrap();
        let check = |id: &str, expected: &str| {
            let url = address(&base, &["v1", "enrollments", id, "stamp"]).unwrap();
            assert_eq!(url.path(), format!("/v1/enrollments/{expected}/stamp"));
            assert_eq!(url.query(), None);
        };
        check("a/b", "a%2Fb");
        check("a?b#c", "a%3Fb%23c");
        check("50% ü", "50%25%20%C3%BC");
        assert!(address(&base, &["v1", ".."]).is_err());
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        let check = |listen: &str, expected: &str| {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), expected);
        };
        check("0.0.0.0:8085", "127.0.0.1:8085");
        check("[::]:8085", "[::1]:8085");
        check("192.0.2.7:80", "192.0.2.7:80");
    }

    #[test]
    fn problems_are_sentences() {
        let body =
            serde_json::json!({"title": "Conflict", "detail": "is accepted", "field": "status"});
        assert_eq!(
            problem(StatusCode::CONFLICT, &body),
            "status: Conflict: is accepted"
        );
        assert_eq!(
            problem(StatusCode::BAD_GATEWAY, &Value::Null),
            "the daemon answered 502 Bad Gateway"
        );
    }
}
