//! The layout of LinkedIn's ids: 29 bytes as base64url, of which six are the member number.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What kind of id it is, by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `ACo…`: a profile.
    Profile,
    /// `ACw…` or `AEM…`: a Sales Navigator lead or a Recruiter profile.
    Sales,
}

/// The longest opaque id that is kept, in bytes; longer ones are nobody's.
const OPAQUE_LENGTH_MAX: usize = 256;

/// The kind and the member number of an id of the exact layout. The decoder refuses trailing bits.
pub(super) fn decode(id: &str) -> Option<(Kind, i64)> {
    if id.len() != 39 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let kind = match bytes.get(..2)? {
        [0x00, 0x2A] => Kind::Profile,
        [0x00, 0x2C] | [0x00, 0x43] => Kind::Sales,
        _ => return None,
    };
    if bytes.len() != 29 || bytes[8] != 0x01 {
        return None;
    }
    let number = bytes[2..8]
        .iter()
        .fold(0_i64, |n, byte| n << 8 | i64::from(*byte));
    (number > 0).then_some((kind, number))
}

/// A member number as digits.
pub(super) fn member_number(digits: &str) -> Option<i64> {
    let fits = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().ok())
        .flatten()
        .filter(|n| (1..1 << 48).contains(n))
}

/// Whether a text that stands where a slug may stand is an id all the same: one that decodes, one that begins like one, one
/// whose case was destroyed on the way, or a long mix of cases and digits that nobody chose for a name.
pub(super) fn looks_like_id(text: &str) -> bool {
    let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !text.bytes().all(base64url) {
        return false;
    }
    let starts = |prefix: &str| {
        text.get(..prefix.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(prefix))
    };
    let long = text.len() >= 32;
    ["ACoAA", "ACwAA", "AEMAA"]
        .iter()
        .any(|p| text.starts_with(p) || (long && starts(p)))
        || decode(text).is_some()
        || (long
            && text.bytes().any(|b| b.is_ascii_uppercase())
            && text.bytes().any(|b| b.is_ascii_lowercase())
            && text.bytes().any(|b| b.is_ascii_digit()))
}

/// Whether a text can be kept as an id that is compared as a whole.
pub(super) fn is_opaque(text: &str) -> bool {
    !text.is_empty() && text.len() <= OPAQUE_LENGTH_MAX && !text.chars().any(char::is_control)
}
