//! Where a request may come from: in open mode only from this machine, and a change never from the page of another site.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Version, header};
use url::Url;

use super::forbidden;
use crate::config::Config;
use crate::web::problem::Problem;

/// Headers that proxies add to a request.
const PROXIED: [&str; 3] = ["forwarded", "via", "x-real-ip"];
const PROXIED_PREFIX: &str = "x-forwarded-";

/// Refuses a request that may come from another machine: through a proxy, or with a Host that is no plain loopback name, such as a
/// name that was rebound to this machine. The error is 403.
pub(super) fn of_this_machine(head: &Parts) -> Result<(), Problem> {
    if !authority(head).is_some_and(is_loopback) {
        return Err(forbidden(
            "No token is configured, so only plain loopback names are answered: use http://127.0.0.1 or set server.admin_token.",
        ));
    }
    // Programs on this machine speak HTTP/1.1. nginx with its default configuration speaks HTTP/1.0 and adds no header.
    if is_proxied(&head.headers) || head.version == Version::HTTP_10 {
        return Err(forbidden(
            "No token is configured, so no request that came through a proxy is answered: set server.admin_token.",
        ));
    }
    Ok(())
}

fn is_proxied(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        PROXIED.contains(&name) || name.starts_with(PROXIED_PREFIX)
    })
}

/// Whether the Host is `localhost`, `127.…` or `[::1]` in their usual spelling, with or without a port.
fn is_loopback(authority: &str) -> bool {
    let (name, port) = match authority.rfind(':') {
        // The colons of an address in brackets separate no port.
        Some(at) if !authority.ends_with(']') => (&authority[..at], &authority[at + 1..]),
        _ => (authority, "0"),
    };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let v6 = || name.strip_prefix('[')?.strip_suffix(']');
    let is_loopback = name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback())
        || v6()
            .and_then(|ip| ip.parse::<std::net::Ipv6Addr>().ok())
            .is_some_and(|ip| ip.is_loopback());
    is_port && is_loopback
}

/// Refuses a change that a page of another site requests. The error is 403.
pub fn same_site(head: &Parts, config: &Config) -> Result<(), Problem> {
    if !changes(&head.method) {
        return Ok(());
    }
    let text = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    let fetched_here =
        text("sec-fetch-site").is_none_or(|site| matches!(site, b"same-origin" | b"none"));
    let from_here = match head.headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin
            .to_str()
            .ok()
            .and_then(|origin| Url::parse(origin).ok())
            .is_some_and(|origin| is_own(&origin, head, config)),
    };
    if fetched_here && from_here {
        Ok(())
    } else {
        Err(forbidden("A page of another site asked for this change."))
    }
}

fn is_own(origin: &Url, head: &Parts, config: &Config) -> bool {
    let server = &config.server;
    let known = [&server.public_url, &server.dashboard_url];
    if known
        .into_iter()
        .flatten()
        .any(|url| url.origin() == origin.origin())
    {
        return true;
    }
    // A proxy may have terminated TLS, so the scheme of the origin is used.
    authority(head)
        .and_then(|host| Url::parse(&format!("{}://{host}/", origin.scheme())).ok())
        .is_some_and(|host| host.origin().is_tuple() && host.origin() == origin.origin())
}

/// Returns the host that the request was sent to.
fn authority(head: &Parts) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => {
            let mut hosts = head.headers.get_all(header::HOST).iter();
            // With two Host headers, nobody can say which one counts.
            let host = hosts.next().filter(|_| hosts.next().is_none())?;
            host.to_str().ok()
        }
    }
}

/// Whether the method is one that changes something.
pub(super) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &Method, headers: &[(&str, &str)]) -> Parts {
        let mut request = axum::http::Request::builder()
            .method(method)
            .uri("/v1/accounts");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn only_names_of_this_machine_in_open_mode() {
        let allowed = |host: &str| of_this_machine(&head(&Method::GET, &[("host", host)])).is_ok();
        for host in [
            "localhost",
            "localhost:8085",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "[::1]",
            "LOCALHOST",
        ] {
            assert!(allowed(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "app.localhost",
            "localhost.",
            "10.0.0.1",
            "0.0.0.0",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "[::ffff:127.0.0.1]",
            "[::1",
            "::1",
            "localhost:",
            "localhost:x",
            "localhost:+1",
            "localhost:80:80",
            "me@localhost",
            "localhost/x",
            "localhost, evil.example",
            "",
            "a@localhost b",
        ] {
            assert!(!allowed(host), "{host}");
        }
        assert!(of_this_machine(&head(&Method::GET, &[])).is_err());
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert!(of_this_machine(&head(&Method::GET, &two)).is_err());
    }

    #[test]
    fn nothing_through_a_proxy_in_open_mode() {
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-anything",
            "x-real-ip",
            "via",
        ] {
            let proxied = [("host", "localhost"), (name, "x")];
            assert!(
                of_this_machine(&head(&Method::GET, &proxied)).is_err(),
                "{name}"
            );
        }
        let mut old = head(&Method::GET, &[("host", "localhost")]);
        assert!(of_this_machine(&old).is_ok());
        old.version = Version::HTTP_10;
        assert!(of_this_machine(&old).is_err());
    }

    #[test]
    fn a_change_that_another_site_asks_for_is_refused() {
        let config = Config::default();
        let post =
            |headers: &[(&str, &str)]| same_site(&head(&Method::POST, headers), &config).is_ok();
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
    fn public_and_dashboard_url_are_ours_behind_any_proxy() {
        let text = "[server]\nadmin_token = 'a-token-of-this-test'\npublic_url = 'https://hooks.example/'\n\
                    dashboard_url = 'https://accept.example/'";
        let (config, _) = crate::config::parse(text).expect("valid");
        let own = |origin: &str| {
            let headers = [("host", "10.0.0.7:8085"), ("origin", origin)];
            same_site(&head(&Method::POST, &headers), &config).is_ok()
        };
        assert!(own("https://hooks.example") && own("https://accept.example"));
        assert!(!own("http://accept.example") && !own("https://other.example"));
    }
}
