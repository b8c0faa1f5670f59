//! What one attempt came to, before anybody judges it.

use std::time::Duration;

use crate::domain::time::Timestamp;

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
    pub retry_after: Option<Timestamp>,
    /// The beginning of the body, safe to show; `None` when it could not be read to its end or its limit.
    pub body: Option<String>,
}

/// When the next attempt may be made by a `Retry-After`; at most [`RETRY_AFTER_MAX`] from now. A date in the past is ignored: a
/// receiver whose clock is behind would use up every attempt in a moment.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Timestamp> {
    Some(now.plus(crate::http::retry_after(value, now)?.min(RETRY_AFTER_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_cut_to_a_day() {
        let now = Timestamp::parse("2026-05-02T15:14:06.250Z").expect("a time");
        let soon = Timestamp::parse("2026-05-02T15:20:00Z");
        for (value, then) in [
            ("99999999999999999999999", Some(now.plus(RETRY_AFTER_MAX))),
            ("Sat, 02 May 2026 15:20:00 GMT", soon),
            ("Sat, 02 May 2020 15:20:00 GMT", None),
            (
                "Sun, 02 May 2027 15:20:00 GMT",
                Some(now.plus(RETRY_AFTER_MAX)),
            ),
        ] {
            assert_eq!(retry_after(value, now), then, "{value:?}");
        }
    }
}
