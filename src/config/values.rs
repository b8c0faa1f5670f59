//! Values with a syntax of their own: durations, rates, hours of the day, addresses.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::civil::Time;

pub use crate::domain::time::duration;

/// Returns a duration as the file writes it: `1h 30m`.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut parts = Vec::new();
    for (unit, ms) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        if rest >= ms {
            parts.push(format!("{}{unit}", rest / ms));
            rest %= ms;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// The rate limit of a destination: `count` requests in each `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    /// A second, a minute or an hour.
    pub window: Duration,
}

impl Rate {
    /// Returns a rate per second.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self {
            count,
            window: Duration::from_secs(1),
        }
    }

    /// Returns the time between two requests that are spread evenly.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.window / self.count.max(1)
    }

    /// Reads `"1/s"`, `"30/m"`, `"10/h"`.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let help = "is not a rate: write it like \"1/s\", \"30/m\" or \"10/h\"";
        let (count, unit) = text.split_once('/').ok_or(help)?;
        let count: u32 = count.trim().parse().map_err(|_| help)?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(help.to_owned()),
        };
        if !(1..=100_000).contains(&count) {
            return Err("a rate must be between 1 and 100000 requests".to_owned());
        }
        Ok(Self {
            count,
            window: Duration::from_secs(seconds),
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.window.as_secs() {
            1 => "s",
            60 => "m",
            _ => "h",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

/// The hours of the day in which an account may be called, in its time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveHours {
    /// From this time on.
    pub start: Time,
    /// Until just before this time. Before `start`: over midnight. Equal: all day.
    pub end: Time,
}

impl ActiveHours {
    /// Whether a local time lies in them.
    #[must_use]
    pub fn contains(&self, local: Time) -> bool {
        if self.start < self.end {
            self.start <= local && local < self.end
        } else {
            local >= self.start || local < self.end
        }
    }

    /// Reads `"08:00-19:00"`; empty is `None`: always. `24:00` is midnight.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let read = || {
            let (start, end) = text.split_once('-')?;
            Some(Self {
                start: clock_time(start.trim())?,
                end: clock_time(end.trim())?,
            })
        };
        match read() {
            Some(hours) => Ok(Some(hours)),
            None => {
                Err("are not hours: write them like \"08:00-19:00\", or \"\" for always".to_owned())
            }
        }
    }
}

impl fmt::Display for ActiveHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, e) = (self.start, self.end);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            s.hour(),
            s.minute(),
            e.hour(),
            e.minute()
        )
    }
}

fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        (lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i8>().ok())
            .flatten()
    };
    let (hour, minute) = (digits(hour, 1..=2)?, digits(minute, 2..=2)?);
    if (hour, minute) == (24, 0) {
        return Some(Time::midnight());
    }
    Time::new(hour, minute, 0, 0).ok()
}

/// Reads `"127.0.0.1:8085"`, `"[::1]:0"` or `"localhost:8085"`.
///
/// # Errors
/// One sentence on what is wrong.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| {
        "is not an address to listen on: write an IP address and a port, like \"127.0.0.1:8085\""
            .to_owned()
    })
}

/// Reads an address like [`listen_address`]; `None` for an empty text.
///
/// # Errors
/// One sentence on what is wrong.
pub fn optional_listen_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    listen_address(text).map(Some)
}

/// Whether a socket at one of the addresses keeps a socket at the other from being bound.
#[must_use]
pub fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && same_ip
}

/// Whether only this machine can reach the address.
#[must_use]
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether a URL leads to this machine only.
#[must_use]
pub fn leads_to_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => is_loopback(IpAddr::V6(ip)),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, ms: u64| {
            assert_eq!(
                duration(text, false),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        };
        check("90s", 90_000);
        check("30m", 1_800_000);
        check("180d", 180 * 86_400_000);
        check("1h 30m", 5_400_000);
        check("2w", 14 * 86_400_000);
        check("250ms", 250);
        check("1us", 1);
        for bad in [
            "", "30", "0s", "-5m", "5m ago", "1mo", "1y", "soon", "30x", "1e9h",
        ] {
            assert!(duration(bad, false).is_err(), "{bad}");
        }
        assert_eq!(duration("0s", true), Ok(Duration::ZERO));
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["90s", "30m", "180d", "1h 30m", "250ms", "1d 1h"] {
            let read = duration(text, false).unwrap();
            assert_eq!(duration(&duration_text(read), false), Ok(read));
        }
        assert_eq!(duration_text(Duration::from_secs(5400)), "1h 30m");
    }

    #[test]
    fn rates() {
        assert_eq!(Rate::parse("1/s"), Ok(Rate::per_second(1)));
        let rate = Rate::parse("30/m").unwrap();
        assert_eq!(rate.interval(), Duration::from_secs(2));
        assert_eq!(rate.to_string(), "30/m");
        for bad in ["", "1", "0/s", "-1/s", "1/d", "x/s", "1.5/s"] {
            assert!(Rate::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hours() {
        let at = |h, m| Time::new(h, m, 0, 0).unwrap();
        let day = ActiveHours::parse("08:00-19:00").unwrap().unwrap();
        assert!(day.contains(at(8, 0)) && day.contains(at(18, 59)));
        assert!(!day.contains(at(19, 0)) && !day.contains(at(7, 59)));
        let night = ActiveHours::parse("22:00 - 6:00").unwrap().unwrap();
        assert!(night.contains(at(23, 0)) && night.contains(at(5, 59)));
        assert!(!night.contains(at(12, 0)));
        let all = ActiveHours::parse("08:00-08:00").unwrap().unwrap();
        assert!(all.contains(at(3, 0)));
        let late = ActiveHours::parse("20:00-24:00").unwrap().unwrap();
        assert!(late.contains(at(23, 59)) && !late.contains(at(0, 0)));
        assert_eq!(ActiveHours::parse(""), Ok(None));
        for bad in [
            "8-19",
            "08:00",
            "08:00-25:00",
            "08:60-09:00",
            "+8:00-09:00",
            "a-b",
        ] {
            assert!(ActiveHours::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        assert!(listen_address("[::1]:0").is_ok());
        let local = listen_address("localhost:8085").unwrap();
        assert!(is_loopback(local.ip()));
        assert!(!is_loopback(listen_address("0.0.0.0:80").unwrap().ip()));
        assert!(is_loopback("::ffff:127.0.0.1".parse().unwrap()));
        for bad in ["", "8085", "127.0.0.1", "example.com:80", "localhost:99999"] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }
}
