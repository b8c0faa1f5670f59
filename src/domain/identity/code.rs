//! The layout of LinkedIn's ids: 29 bytes in base64url, of which six are the member number.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The kind of an id, given by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdKind {
    /// A profile id, `ACo…`.
    Profile,
    /// A Sales Navigator lead id, `ACw…`, or a Recruiter id, `AEM…`.
    Sales,
}

/// The longest opaque id that is accepted, in bytes.
const OPAQUE_LENGTH_MAX: usize = 256;

/// Returns the kind and the member number of an id, if it has the exact layout. The decoder rejects trailing bits.
pub(super) fn decode(id: &str) -> Option<(IdKind, i64)> {
    if id.len() != 39 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let kind = match bytes.get(..2)? {
        [0x00, 0x2A] => IdKind::Profile,
        [0x00, 0x2C] | [0x00, 0x43] => IdKind::Sales,
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

/// Reads a member number from digits.
pub(super) fn member_number(digits: &str) -> Option<i64> {
    let fits = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().ok())
        .flatten()
        .filter(|n| (1..1 << 48).contains(n))
}

/// The length, in characters, from which a word without hyphens that mixes upper case, lower case and digits is taken for an id.
/// Ids are not shorter, and public identifiers do not look like this.
const MIXED_LENGTH_MIN: usize = 32;

/// Whether a word in the place of a public identifier is an id. It is an id if it decodes, if it begins like an id, or if it is
/// long, mixes cases and digits and has no hyphen. Length alone is not enough: a public identifier such as
/// `Maria-Fernanda-Gonzalez-Lopez-4b43a1b5` can be just as long.
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
    // An id whose case was lost on the way is still not a public identifier.
    begins_like_id(long) || decode(word).is_some() || mixed
}

/// Whether a text can be stored as an opaque id.
pub(super) fn is_opaque(text: &str) -> bool {
    !text.is_empty() && text.len() <= OPAQUE_LENGTH_MAX && !text.chars().any(char::is_control)
}
