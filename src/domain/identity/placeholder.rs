//! Words that programs and people write where they know nothing.

/// The placeholders, in lower case.
const PLACEHOLDERS: [&str; 8] = [
    "none",
    "null",
    "n/a",
    "na",
    "nil",
    "unknown",
    "undefined",
    "-",
];

/// Whether a whole value, in any case and with white space around it, is a placeholder and names nobody. Within a URL the same
/// word is a name: `/in/na` is somebody's page.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    PLACEHOLDERS
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}
