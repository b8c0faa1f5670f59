//! Which addresses a client may connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Which addresses a client may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Any address.
    Any,
    /// No link-local, multicast or unspecified address. A link-local address is where cloud providers serve the credentials of
    /// a machine. Loopback and private addresses are allowed: receivers often run beside the daemon.
    NoSpecial,
}

/// An address that [`Reach::NoSpecial`] leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {kind} address")]
pub struct RefusedAddress {
    address: IpAddr,
    kind: &'static str,
}

impl Reach {
    /// Checks every address that a name resolves to. One that is not allowed is enough to refuse the name.
    ///
    /// # Errors
    /// The first address that is not allowed.
    pub fn check(self, addresses: &[IpAddr]) -> Result<(), RefusedAddress> {
        let refused = addresses.iter().find_map(|address| {
            let kind = special(*address)?;
            Some(RefusedAddress {
                address: *address,
                kind,
            })
        });
        match (self, refused) {
            (Self::NoSpecial, Some(refused)) => Err(refused),
            _ => Ok(()),
        }
    }

    /// Checks a URL with an address in place of a name: the resolver never sees it.
    ///
    /// # Errors
    /// The address, if it is not allowed.
    pub fn check_url(self, url: &Url) -> Result<(), RefusedAddress> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(&[address.into()]),
            Some(Host::Ipv6(address)) => self.check(&[address.into()]),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

fn special(address: IpAddr) -> Option<&'static str> {
    let link_local = match plain(address) {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    match plain(address) {
        _ if link_local => Some("a link-local"),
        plain if plain.is_multicast() => Some("a multicast"),
        plain if plain.is_unspecified() => Some("an unspecified"),
        _ => None,
    }
}

/// Returns the IPv4 address inside an IPv6 address that stands for one: IPv4-mapped (`::ffff:0:0/96`) or NAT64 (`64:ff9b::/96`).
fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => nat64(v6).map_or(address, IpAddr::V4),
        v4 => v4,
    }
}

fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_refused_in_every_form() {
        for (address, kind) in [
            ("169.254.169.254", "a link-local"),
            ("fe80::1", "a link-local"),
            ("febf::1", "a link-local"),
            ("::ffff:169.254.1.1", "a link-local"),
            ("64:ff9b::169.254.169.254", "a link-local"),
            ("224.0.0.1", "a multicast"),
            ("239.255.255.255", "a multicast"),
            ("ff02::1", "a multicast"),
            ("::ffff:224.0.0.1", "a multicast"),
            ("0.0.0.0", "an unspecified"),
            ("::", "an unspecified"),
            ("::ffff:0.0.0.0", "an unspecified"),
        ] {
            let ip: IpAddr = address.parse().expect("an address");
            let refused = Reach::NoSpecial.check(&[Ipv4Addr::LOCALHOST.into(), ip]);
            let text = refused.expect_err(address).to_string();
            assert_eq!(text, format!("{ip} is {kind} address"));
            assert_eq!(Reach::Any.check(&[ip]), Ok(()));
            let host = if ip.is_ipv6() {
                format!("[{address}]")
            } else {
                address.to_owned()
            };
            let url = Url::parse(&format!("http://{host}:8080/hook")).expect("a url");
            assert!(Reach::NoSpecial.check_url(&url).is_err(), "{url}");
        }
        for address in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "fd00::1",
            "100.64.0.1",
            "8.8.8.8",
            "2001:db8::1",
            "64:ff9b::10.0.0.1",
            "::ffff:10.0.0.1",
            "fec0::1",
        ] {
            let ip: IpAddr = address.parse().expect("an address");
            assert_eq!(Reach::NoSpecial.check(&[ip]), Ok(()), "{address}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_read_as_the_address() {
        for url in [
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://169.254.43518/",
            "http://0/",
        ] {
            let url = Url::parse(url).expect("a url");
            assert!(Reach::NoSpecial.check_url(&url).is_err(), "{url}");
        }
        let name = Url::parse("http://hooks.example.com/").expect("a url");
        assert_eq!(Reach::NoSpecial.check_url(&name), Ok(()));
    }
}
