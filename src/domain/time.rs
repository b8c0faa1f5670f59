//! UTC instants as integer milliseconds, shown as RFC 3339 with milliseconds and `Z`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An instant: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// 2003-01-01T00:00:00Z. LinkedIn did not exist before, so an earlier time of a connection counts as absent.
pub const EARLIEST: Timestamp = Timestamp(1_041_379_200_000);

impl Timestamp {
    /// Adds a duration. Saturates at the largest instant.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Subtracts a duration. Saturates at the smallest instant.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Returns the duration since `earlier`. Zero if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Formats the instant as RFC 3339 in UTC with three decimals. An instant outside the years 1 to 9999 is shown as the nearest
    /// instant within them.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let clamped = self.0.clamp(-62_135_596_800_000, 253_402_207_199_999);
        let stamp = jiff::Timestamp::from_millisecond(clamped).unwrap_or_default();
        format!("{stamp:.3}")
    }

    /// Reads an RFC 3339 time with any offset. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.trim()
            .parse::<jiff::Timestamp>()
            .ok()
            .map(|t| Self(t.as_millisecond()))
    }

    /// Returns the instant if it is a possible time of evidence: not before [`EARLIEST`] and not after `now`.
    #[must_use]
    pub fn plausible(self, now: Self) -> Option<Self> {
        (self >= EARLIEST && self <= now).then_some(self)
    }

    /// Returns the number of the UTC day. Daily budgets count by it.
    #[must_use]
    pub fn utc_day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
    }
}

/// Reads a duration such as `"90s"`, `"30m"`, `"7d"` or `"1h 30m"`. A day has 24 hours. Parts of a millisecond are rounded up.
/// `zero` says whether a duration of zero is allowed.
///
/// # Errors
/// Returns a message that says what is wrong and how to write a duration.
pub fn duration(text: &str, zero: bool) -> Result<Duration, String> {
    let help = "write it like \"90s\", \"30m\", \"12h\" or \"7d\"";
    if text.trim().parse::<f64>().is_ok() {
        return Err(format!("a duration needs a unit: {help}"));
    }
    let span: jiff::Span = text
        .trim()
        .parse()
        .map_err(|_| format!("not a duration: {help}"))?;
    if span.is_negative() || (span.is_zero() && !zero) {
        return Err(format!("a duration must be greater than zero: {help}"));
    }
    let exact = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("months and years have no fixed length: {help}"))?;
    let nanos = u128::try_from(exact.as_nanos()).unwrap_or_default();
    let ms = u64::try_from(nanos.div_ceil(1_000_000)).map_err(|_| "is too long".to_owned())?;
    Ok(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_with_milliseconds_and_z() {
        assert_eq!(
            Timestamp(1_777_734_846_000).rfc3339(),
            "2026-05-02T15:14:06.000Z"
        );
        assert_eq!(
            Timestamp::parse("2026-05-02T17:14:06.5+02:00"),
            Some(Timestamp(1_777_734_846_500))
        );
    }

    #[test]
    fn every_instant_can_be_shown() {
        for ms in [i64::MIN, -1, 0, i64::MAX] {
            assert!(Timestamp::parse(&Timestamp(ms).rfc3339()).is_some());
        }
    }
}
