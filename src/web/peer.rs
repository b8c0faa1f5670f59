//! The peer of a connection, as shares and limits count it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::request::Parts;

use super::auth;
use crate::config::Config;

/// The prefix of an IPv6 address that a network usually assigns to one customer, who can choose the rest.
const IPV6_PREFIX: u128 = !0 << 64;

/// One peer: an IPv4 address, or the /64 network of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(IpAddr);

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::from(address.ip())
    }
}

impl From<IpAddr> for Peer {
    fn from(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & IPV6_PREFIX).into(),
            ip @ IpAddr::V4(_) => ip,
        })
    }
}

/// Returns the peer of a request: the other end of the connection, or the address that a trusted proxy names. Without a connection,
/// as in a unit test, it is the unspecified address.
#[must_use]
pub fn of(config: &Config, head: &Parts) -> Peer {
    auth::peer(config, head).map_or(Peer(Ipv6Addr::UNSPECIFIED.into()), Peer::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::from(address.parse::<SocketAddr>().unwrap())
    }

    #[test]
    fn one_ipv6_network_is_one_peer() {
        assert_eq!(peer("[2001:db8::1]:1"), peer("[2001:db8::ffff:2]:3"));
        assert_ne!(peer("[2001:db8::1]:1"), peer("[2001:db8:0:1::1]:1"));
        assert_eq!(peer("[::ffff:192.0.2.1]:1"), peer("192.0.2.1:2"));
        assert_ne!(peer("192.0.2.1:1"), peer("192.0.2.2:1"));
    }
}
