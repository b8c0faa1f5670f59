//! Placeholders: words that programs and people write in place of an unknown value.

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

/// Whether a whole value is a placeholder. Case and surrounding white space do not matter. Inside a URL the same word is a public
/// identifier: `/in/na` is the profile of a person.
#[must_use]
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    PLACEHOLDERS
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}
