//! The raw result of one delivery attempt, before `verdict` interprets it.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// The longest wait that a `Retry-After` header can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// The raw result of one delivery attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The status and headers of an answer were read.
    Answer(Answer),
    /// The request was written, or may have been, and no answer was read. The text says why and contains no secret.
    InDoubt(String),
    /// The request was never written: connection refused, unknown name, no TLS. The text says why and contains no secret.
    NotSent(String),
}

/// The receiver's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The time that `Retry-After` asks for, at most [`RETRY_AFTER_MAX`] ahead. It is read for every status.
    pub retry_after: Option<Timestamp>,
    /// The beginning of the body without secrets, or `None` if the connection broke while it was read.
    pub body: Option<String>,
}

/// Returns the time that a `Retry-After` value asks for, at most [`RETRY_AFTER_MAX`] ahead. A date in the past is ignored. Otherwise a
/// receiver whose clock is slow would use up every attempt within seconds.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Timestamp> {
    Some(now.plus(crate::http::retry_after(value, now)?.min(RETRY_AFTER_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_at_most_a_day() {
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
