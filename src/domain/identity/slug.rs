//! The canonical form of public identifiers, in which they are compared.

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

/// The longest public identifier, in characters. LinkedIn's own limit is 100.
const CHARS_MAX: usize = 200;

/// Decodes percent-encoding. `None` if an escape is broken or the result is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        let hex = rest.get(at + 1..at + 3)?;
        if !hex.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        rest = &rest[at + 3..];
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

/// Returns a decoded text in NFC. `None` if it is too long for a public identifier.
pub(super) fn composed(decoded: &str) -> Option<String> {
    // A decomposed character can be several times as long as the composed one.
    (decoded.len() <= CHARS_MAX * 16).then(|| decoded.nfc().collect())
}

/// Returns a composed public identifier in NFC and lower case. `None` if it cannot be a public identifier.
pub(super) fn canonical(composed: &str) -> Option<String> {
    // Lower-casing can decompose a character, for example "İ", so the result is composed again.
    let slug: String = composed.to_lowercase().nfc().collect();
    let fits = slug.chars().take(CHARS_MAX + 1).count() <= CHARS_MAX;
    let named = slug.chars().any(|c| !c.is_ascii_punctuation());
    (fits && named && slug.chars().all(allowed)).then_some(slug)
}

/// Allows letters of any script, digits, marks and the few signs that old public identifiers contain. Excludes characters of
/// paths, queries and markup, and invisible characters.
fn allowed(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '\'' | '~');
    }
    !(c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{E000}'..='\u{F8FF}'
            | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFF}' | '\u{E0000}'..='\u{10FFFF}'))
}
