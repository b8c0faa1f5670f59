//! What one attempt came to, before anybody judges it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::time::Ms;

/// The furthest that `Retry-After` may move the next attempt (contract section 7).
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The head of an answer was read.
    Answer(Answer),
    /// The request was, or may have been, written and no answer was read. The text says how, without any secret.
    InDoubt(String),
    /// The request was never written: refused, no such name, no TLS, no body to send. The text says why, without any secret.
    NotSent(String),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, already cut to [`RETRY_AFTER_MAX`]; whatever the status.
    pub retry_after: Option<Ms>,
    /// The beginning of the body, safe to show; `None` when it could not be read to its end or its limit.
    pub body: Option<String>,
}

/// Reads the value of `Retry-After`: seconds or an HTTP date, in the three forms of RFC 9110. `None` when it makes no sense: a
/// date that is over asks for nothing, and a receiver whose clock is behind would use up every attempt in a moment.
#[must_use]
pub fn retry_after(value: &str, now: Ms) -> Option<Ms> {
    let value = value.trim();
    let asked = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // Too many digits are a very long time.
        now.plus(Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
    } else {
        let date: SystemTime = httpdate::parse_http_date(value).ok()?;
        let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    };
    (asked >= now).then(|| asked.min(now.plus(RETRY_AFTER_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_every_form() {
        let now = Ms::parse("2026-05-02T15:14:06.250Z").expect("a time");
        let at = |text: &str| Ms::parse(text).expect("a time");
        for (value, then) in [
            ("120", Some(now.plus(Duration::from_secs(120)))),
            (" 0 ", Some(now)),
            ("99999999999999999999999", Some(now.plus(RETRY_AFTER_MAX))),
            (
                "Sat, 02 May 2026 15:20:00 GMT",
                Some(at("2026-05-02T15:20:00Z")),
            ),
            (
                "Saturday, 02-May-26 15:20:00 GMT",
                Some(at("2026-05-02T15:20:00Z")),
            ),
            ("Sat May  2 15:20:00 2026", Some(at("2026-05-02T15:20:00Z"))),
            ("Sat, 02 May 2020 15:20:00 GMT", None),
            ("Sat, 02 May 2026 15:14:06 GMT", None),
            (
                "Sun, 02 May 2027 15:20:00 GMT",
                Some(now.plus(RETRY_AFTER_MAX)),
            ),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(value, now), then, "{value:?}");
        }
    }
}
