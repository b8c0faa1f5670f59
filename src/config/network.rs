//! Addresses and networks, as `server.trusted_proxies` lists them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// One address, or all addresses with the same prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Reads `"127.0.0.1"`, `"::1"` or `"10.0.0.0/8"`.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let net = match text.parse::<IpAddr>() {
            Ok(ip) => IpNet::from(ip.to_canonical()),
            Err(_) => text.parse().map_err(|_| {
                "is not an address or a network: write it like \"127.0.0.1\" or \"10.0.0.0/8\""
                    .to_owned()
            })?,
        };
        Ok(Self(net.trunc()))
    }

    /// Whether the address belongs to it. An IPv4 address written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks() {
        let holds = |network: &str, ip: &str| {
            Network::parse(network)
                .unwrap()
                .contains(ip.parse().unwrap())
        };
        assert!(holds("127.0.0.1", "127.0.0.1"));
        assert!(holds("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(!holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("10.9.8.7/8", "10.1.2.3"));
        assert!(holds("fd00::/8", "fd12::1"));
        assert!(!holds("fd00::/8", "10.0.0.1"));
        assert_eq!(
            Network::parse("10.9.8.7/8").unwrap().to_string(),
            "10.0.0.0/8"
        );
        assert_eq!(Network::parse("::1").unwrap().to_string(), "::1");
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "*"] {
            assert!(Network::parse(bad).is_err(), "{bad}");
        }
    }
}
