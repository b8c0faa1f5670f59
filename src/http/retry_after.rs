//! `Retry-After`, in every form that HTTP allows.

use std::time::{Duration, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// Reads the value of `Retry-After`: seconds, or a date in one of the three forms that RFC 9110 allows. Returns the wait that it
/// asks for, however long. A value that can't be read and a date in the past are ignored: the sender's clock may be behind.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    (at >= now).then(|| at.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_every_form() {
        let now = Timestamp::parse("2026-05-02T15:14:06.250Z").expect("a time");
        let until = |text: &str| Some(Timestamp::parse(text).expect("a time").since(now));
        for (value, wait) in [
            ("120", Some(Duration::from_secs(120))),
            (" 0 ", Some(Duration::ZERO)),
            (
                "99999999999999999999999",
                Some(Duration::from_secs(u64::MAX)),
            ),
            (
                "Sat, 02 May 2026 15:20:00 GMT",
                until("2026-05-02T15:20:00Z"),
            ),
            (
                "Saturday, 02-May-26 15:20:00 GMT",
                until("2026-05-02T15:20:00Z"),
            ),
            ("Sat May  2 15:20:00 2026", until("2026-05-02T15:20:00Z")),
            ("Sat, 02 May 2020 15:20:00 GMT", None),
            ("Sat, 02 May 2026 15:14:06 GMT", None),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(value, now), wait, "{value:?}");
        }
    }
}
