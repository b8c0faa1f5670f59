//! Who may use the API and the dashboard (contract section 8): the bearer of the admin token, or a browser with a session that
//! began with it. Without a configured token, whoever speaks to a loopback name of this machine.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::{Host, Url};

use super::app::App;
use super::problem::Problem;
use super::session::{is_valid, same_secret};
use crate::config::Config;
use crate::domain::time::Ms;

/// A form on another site can't send it; our own pages do with every change.
const OWN_PAGE: &str = "x-acceptd";

/// How a request was let in. Handlers find it in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It bore the admin token.
    Bearer,
    /// It carried a session of the dashboard.
    Session,
    /// No token is configured.
    Open,
}

/// Lets a request to the API through, or answers why not.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let asked = Asked {
        method: request.method(),
        uri: request.uri(),
        headers: request.headers(),
    };
    match access(&app.config(), &asked, app.clock.now()) {
        Ok(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// What of a request decides.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its target.
    pub uri: &'a Uri,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

/// How a request is let in.
///
/// # Errors
/// 401 without a valid token or session; 403 for a Host name that is not this machine's while no token is set, and for a change
/// that another site's page asks for.
pub fn access(config: &Config, asked: &Asked<'_>, now: Ms) -> Result<Access, Problem> {
    let server = &config.server;
    if !server.admin_token.is_set() {
        loopback_host(asked)?;
        same_site(asked, server.public_url.as_ref())?;
        return Ok(Access::Open);
    }
    let token = server.admin_token.expose();
    if let Some(given) = bearer(asked.headers) {
        return if same_secret(given, token) {
            Ok(Access::Bearer)
        } else {
            Err(unauthorized("The bearer token is not the admin token."))
        };
    }
    if !is_valid(token, asked.headers, now) {
        return Err(unauthorized(
            "Send the admin token: Authorization: Bearer ….",
        ));
    }
    same_site(asked, server.public_url.as_ref())?;
    if changes(asked.method) && !asked.headers.contains_key(OWN_PAGE) {
        return Err(forbidden(
            "A change under a session needs the header X-Acceptd, so that no other site can ask for it.",
        ));
    }
    Ok(Access::Session)
}

/// Refuses every Host name but those of this machine: a name that was re-bound to it (DNS rebinding) is not one.
///
/// # Errors
/// 403.
pub fn loopback_host(asked: &Asked<'_>) -> Result<(), Problem> {
    let named = authority(asked).and_then(|text| Url::parse(&format!("http://{text}/")).ok());
    let ours = named
        .as_ref()
        .and_then(Url::host)
        .is_some_and(|host| match host {
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name == "localhost" || name.ends_with(".localhost")
            }
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        });
    if ours {
        Ok(())
    } else {
        Err(forbidden(
            "No admin token is configured, so only loopback names are answered: use http://127.0.0.1 or set server.admin_token.",
        ))
    }
}

/// Refuses a change that a page of another site asks for.
///
/// # Errors
/// 403.
pub fn same_site(asked: &Asked<'_>, public_url: Option<&Url>) -> Result<(), Problem> {
    if !changes(asked.method) {
        return Ok(());
    }
    let text = |name: &str| asked.headers.get(name).map(HeaderValue::as_bytes);
    let fetched_here =
        text("sec-fetch-site").is_none_or(|site| matches!(site, b"same-origin" | b"none"));
    let from_here = match asked.headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|origin| Url::parse(origin).ok())
            .is_some_and(|origin| is_own(&origin, asked, public_url)),
    };
    if fetched_here && from_here {
        Ok(())
    } else {
        Err(forbidden("A page of another site asked for this change."))
    }
}

fn is_own(origin: &Url, asked: &Asked<'_>, public_url: Option<&Url>) -> bool {
    if public_url.is_some_and(|url| url.origin() == origin.origin()) {
        return true;
    }
    // A proxy may have taken the TLS off, so the scheme is the origin's own.
    authority(asked)
        .and_then(|host| Url::parse(&format!("{}://{host}/", origin.scheme())).ok())
        .is_some_and(|host| host.origin().is_tuple() && host.origin() == origin.origin())
}

/// The name that the request was sent to.
fn authority<'a>(asked: &Asked<'a>) -> Option<&'a str> {
    match asked.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => {
            let mut hosts = asked.headers.get_all(header::HOST).iter();
            // Of two names, nobody can say which one was meant.
            let host = hosts.next().filter(|_| hosts.next().is_none())?;
            host.to_str().ok()
        }
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    // Not `to_str`: a token may have more than ASCII.
    let value = std::str::from_utf8(headers.get(header::AUTHORIZATION)?.as_bytes()).ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail).with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"acceptd\""),
    )
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<T>(method: &Method, headers: &[(&str, &str)], check: impl Fn(&Asked<'_>) -> T) -> T {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                header::HeaderName::from_bytes(name.as_bytes()).expect("a header's name"),
                value.parse().expect("a header's value"),
            );
        }
        check(&Asked {
            method,
            uri: &Uri::from_static("/v1/accounts"),
            headers: &map,
        })
    }

    #[test]
    fn only_names_of_this_machine_without_a_token() {
        let allowed = |host: &str| {
            asked(&Method::GET, &[("host", host)], |a| {
                loopback_host(a).is_ok()
            })
        };
        for host in [
            "localhost",
            "localhost:8085",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "LOCALHOST",
        ] {
            assert!(allowed(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "a@localhost b",
        ] {
            assert!(!allowed(host), "{host}");
        }
        assert!(asked(&Method::GET, &[], |a| loopback_host(a).is_err()));
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert!(asked(&Method::GET, &two, |a| loopback_host(a).is_err()));
    }

    #[test]
    fn a_change_that_another_site_asks_for_is_refused() {
        let post = |headers: &[(&str, &str)]| {
            asked(&Method::POST, headers, |a| same_site(a, None).is_ok())
        };
        assert!(post(&[("host", "localhost:8085")]));
        assert!(post(&[
            ("host", "localhost:8085"),
            ("origin", "http://localhost:8085")
        ]));
        assert!(post(&[
            ("host", "x.example"),
            ("origin", "https://x.example")
        ]));
        assert!(!post(&[
            ("host", "localhost:8085"),
            ("origin", "http://localhost:9")
        ]));
        assert!(!post(&[("host", "localhost:8085"), ("origin", "null")]));
        assert!(!post(&[
            ("host", "localhost:8085"),
            ("origin", "https://evil.example")
        ]));
        assert!(!post(&[
            ("host", "localhost:8085"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(!post(&[
            ("host", "localhost:8085"),
            ("sec-fetch-site", "same-site")
        ]));
    }

    #[test]
    fn the_public_url_is_ours_whatever_name_a_proxy_passes_on() {
        let url = Url::parse("https://accept.example/").expect("a url");
        let headers = [
            ("host", "10.0.0.7:8085"),
            ("origin", "https://accept.example"),
        ];
        assert!(asked(&Method::POST, &headers, |a| same_site(a, Some(&url))
            .is_ok()));
    }
}
