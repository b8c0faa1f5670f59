//! The peer of a request: the other end of the connection, or the address that a trusted proxy forwards for.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::config::Config;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Returns the address that a request came from.
#[must_use]
pub fn peer(config: &Config, head: &Parts) -> Option<IpAddr> {
    let socket = socket(head)?;
    if !is_trusted(config, socket) {
        return Some(socket);
    }
    // Each proxy appends the address of its client. Anybody may have written what is left of an untrusted address.
    let mut named = socket;
    for text in forwarded_for(&head.headers) {
        let Some(ip) = address(text) else { break };
        named = ip;
        if !is_trusted(config, ip) {
            break;
        }
    }
    Some(named)
}

/// Whether a trusted proxy received the request by https. `None` if no trusted proxy says so or the opposite.
#[must_use]
pub fn forwarded_https(config: &Config, head: &Parts) -> Option<bool> {
    if !is_trusted(config, socket(head)?) {
        return None;
    }
    let proto = head.headers.get(FORWARDED_PROTO)?.to_str().ok()?;
    let last = proto.rsplit(',').next().unwrap_or_default().trim();
    Some(last.eq_ignore_ascii_case("https"))
}

fn socket(head: &Parts) -> Option<IpAddr> {
    let ConnectInfo(peer) = head.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(peer.ip().to_canonical())
}

fn is_trusted(config: &Config, ip: IpAddr) -> bool {
    let proxies = &config.server.trusted_proxies;
    proxies.iter().any(|network| network.contains(ip))
}

/// Returns the addresses from right to left, over all headers of the name.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    all.into_iter()
        .rev()
        .flat_map(|value| value.to_str().unwrap_or_default().rsplit(','))
}

/// Parses an address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(socket: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = axum::http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).expect("a request").into_parts();
        let socket = SocketAddr::new(socket.parse().expect("an address"), 4711);
        head.extensions.insert(ConnectInfo(socket));
        head
    }

    fn trusting(proxies: &str) -> Config {
        let text = format!("[server]\ntrusted_proxies = [{proxies}]");
        crate::config::parse(&text).expect("valid").0
    }

    #[test]
    fn the_rightmost_address_that_is_not_a_proxy() {
        let config = trusting("'127.0.0.1', '10.0.0.0/8'");
        let check = |socket: &str, lines: &[&str], expected: &str| {
            let headers: Vec<_> = lines.iter().map(|line| (FORWARDED_FOR, *line)).collect();
            let found = peer(&config, &head(socket, &headers));
            assert_eq!(
                found,
                Some(expected.parse().expect("an address")),
                "{lines:?}"
            );
        };
        check("192.0.2.1", &["203.0.113.9"], "192.0.2.1");
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &["203.0.113.9"], "203.0.113.9");
        check("::ffff:127.0.0.1", &["203.0.113.9:443"], "203.0.113.9");
        check(
            "127.0.0.1",
            &["6.6.6.6, 203.0.113.9, 10.1.2.3"],
            "203.0.113.9",
        );
        check(
            "127.0.0.1",
            &["6.6.6.6", "203.0.113.9", "10.1.2.3"],
            "203.0.113.9",
        );
        check("127.0.0.1", &["6.6.6.6, nonsense, 10.1.2.3"], "10.1.2.3");
        check("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1");
        check("127.0.0.1", &["10.0.0.1, 10.0.0.2"], "10.0.0.1");
    }

    #[test]
    fn only_a_trusted_proxy_says_https() {
        let config = trusting("'127.0.0.1'");
        let https = |socket: &str, proto: &str| {
            forwarded_https(&config, &head(socket, &[(FORWARDED_PROTO, proto)]))
        };
        assert_eq!(https("127.0.0.1", "https"), Some(true));
        assert_eq!(https("127.0.0.1", "https, http"), Some(false));
        assert_eq!(https("192.0.2.1", "https"), None);
        assert_eq!(forwarded_https(&config, &head("127.0.0.1", &[])), None);
    }
}
