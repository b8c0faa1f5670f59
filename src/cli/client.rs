//! The daemon's HTTP API as the commands use it: at `server.admin_listen`, or at `server.listen` without one, with the token that
//! allows most. Every error is a sentence.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::api::page::Page;
use crate::api::problem::Problem;
use crate::config::{Config, Secret};
use crate::http;

/// The longest a call to the daemon may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest it may take to send a file and get an answer.
const FILE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A client of the daemon.
pub(super) struct Api {
    client: Client,
    base: Url,
    token: Secret,
}

impl Api {
    /// Makes a client of the daemon that this configuration describes.
    pub fn of(config: &Config) -> Result<Self> {
        let address = reachable(config.server.api_listen());
        Ok(Self {
            client: http::client(TIMEOUT).context("no HTTP client")?,
            base: Url::parse(&format!("http://{address}/"))
                .context("the daemon's address is no URL")?,
            token: config
                .strongest()
                .map(|bearer| bearer.token.clone())
                .unwrap_or_default(),
        })
    }

    /// Gets one resource.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        let request = self.request(Method::GET, path, query)?;
        self.send(request).await
    }

    /// Posts a JSON body.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        let request = self.request(Method::POST, path, &[])?;
        self.send(request.json(body)).await
    }

    /// Posts a file. The daemon answers when it has read the file, and goes on with it.
    pub async fn post_file<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        file: Vec<u8>,
    ) -> Result<T> {
        let request = self.request(Method::POST, path, query)?;
        let request = request.header("prefer", "respond-async");
        self.send(request.timeout(FILE_TIMEOUT).body(file)).await
    }

    /// Gets a list, page by page, until there are `max` items. The flag says whether there are more.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        max: usize,
    ) -> Result<(Vec<T>, bool)> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let limit = max.saturating_sub(items.len()).clamp(1, 500).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page: Page<T> = self.get(path, &query).await?;
            let empty = page.items.is_empty();
            items.extend(page.items);
            let next = page.cursor;
            if next.is_none() || empty || next == cursor {
                return Ok((items, false));
            }
            if items.len() >= max {
                return Ok((items, true));
            }
            cursor = next;
        }
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder> {
        let url = address(&self.base, path)?;
        let mut request = self
            .client
            .request(method, url)
            .header("x-acceptd", "cli")
            .query(query);
        if self.token.is_set() {
            request = request.bearer_auth(self.token.expose());
        }
        Ok(request)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let at = self.base.as_str().trim_end_matches('/');
        let answer = request.send().await.map_err(|e| {
            if e.is_connect() {
                anyhow!("the daemon is not running at {at}: start it with `acceptd serve`, or name its configuration with --config")
            } else if e.is_timeout() {
                anyhow!("the daemon at {at} did not answer within {} s", TIMEOUT.as_secs())
            } else {
                anyhow!("the daemon at {at} can't be reached: {}", http::describe(e))
            }
        })?;
        let status = answer.status();
        let bytes = http::read_body(answer, ANSWER_BYTES_MAX)
            .await
            .with_context(|| format!("the answer of the daemon at {at} broke off"))?;
        if !status.is_success() {
            bail!("{}", problem(status, serde_json::from_slice(&bytes).ok()));
        }
        serde_json::from_slice(&bytes).with_context(|| {
            format!("the answer at {at} can't be read: it is another program or another version of acceptd")
        })
    }
}

/// An error as a sentence.
fn problem(status: StatusCode, body: Option<Problem>) -> String {
    let mut said = match body {
        Some(Problem {
            title,
            detail,
            field: Some(field),
            ..
        }) => format!("{field}: {title}: {detail}"),
        Some(Problem { title, detail, .. }) => format!("{title}: {detail}"),
        None => format!("the daemon answered {status}"),
    };
    if status == StatusCode::UNAUTHORIZED {
        said.push_str(" (server.admin_token of this configuration, or its [[token]], is not the running daemon's)");
    }
    said
}

/// Returns the loopback address for a listener on every address, and other addresses unchanged.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Makes the URL of a path. Its segments may have any characters.
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
        let body = Problem {
            kind: "already-accepted".to_owned(),
            title: "Conflict".to_owned(),
            status: 409,
            detail: "is accepted".to_owned(),
            field: Some("status".to_owned()),
        };
        assert_eq!(
            problem(StatusCode::CONFLICT, Some(body)),
            "status: Conflict: is accepted"
        );
        assert_eq!(
            problem(StatusCode::BAD_GATEWAY, None),
            "the daemon answered 502 Bad Gateway"
        );
    }
}
