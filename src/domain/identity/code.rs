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

/// From this length on, in characters, a word without hyphens that mixes cases and digits is an id. No id is shorter, and nobody
/// chooses a name like that.
const MIXED_LENGTH_MIN: usize = 32;

/// Whether a word is an id although it stands where a public identifier can stand. It is one if it decodes, if it begins like
/// an id, or if it is long, mixes cases and digits and has no hyphen. Length alone proves nothing: a name with its suffix, such
/// as `Maria-Fernanda-Gonzalez-Lopez-4b43a1b5`, can be just as long.
pub(super) fn looks_like_id(word: &str) -> bool {
    let base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !word.bytes().all(base64url) {
        return false;
    }
    let begins_like_id = |ignoring_case: bool| {
        ["ACoAA", "ACwAA", "AEMAA"].iter().any(|prefix| {
            word.get(..prefix.len()).is_some_and(|start| {
                start == *prefix || (ignoring_case && start.eq_ignore_ascii_case(prefix))
            })
        })
    };
    let long = word.len() >= MIXED_LENGTH_MIN;
    let mixed = long
        && word.bytes().any(|b| b.is_ascii_uppercase())
        && word.bytes().any(|b| b.is_ascii_lowercase())
        && word.bytes().any(|b| b.is_ascii_digit())
        && !word.contains('-');
    // An id whose case was destroyed on the way is still no name.
    begins_like_id(long) || decode(word).is_some() || mixed
}

/// Whether a text can be kept as an id that is compared as a whole.
pub(super) fn is_opaque(text: &str) -> bool {
    !text.is_empty() && text.len() <= OPAQUE_LENGTH_MAX && !text.chars().any(char::is_control)
}
