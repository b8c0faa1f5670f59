//! Case-insensitive text search for any script.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use unicode_normalization::UnicodeNormalization;

/// Returns the form in which texts are compared. Converting to upper case and then to lower case makes `ß` equal to `ss`, and all
/// forms of sigma equal. Normalizing (NFC) makes accented letters equal, however they were typed.
fn folded(text: &str) -> String {
    text.nfc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfc()
        .collect()
}

/// Whether `text` contains `part`, which must be folded already.
fn contains(text: &str, part: &str) -> bool {
    if text.is_ascii() {
        // Most texts are ASCII, and a filtered list checks many rows, so this path makes no copy.
        return part.is_empty()
            || text
                .as_bytes()
                .windows(part.len())
                .any(|window| window.eq_ignore_ascii_case(part.as_bytes()));
    }
    folded(text).contains(part)
}

/// Adds the SQL function `contains_folded(text, part)`: whether the text contains the part, ignoring case. A null text contains
/// nothing.
pub(super) fn install(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function("contains_folded", 2, flags, |ctx| {
        // Folded once per statement, not once per row.
        let part = ctx.get_or_create_aux(1, |value| -> rusqlite::Result<String> {
            Ok(folded(value.as_str()?))
        })?;
        let text = ctx.get_raw(0);
        Ok(text
            .as_str_or_null()?
            .is_some_and(|text| contains(text, &part)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_composition_do_not_matter() {
        for (text, part) in [
            ("Jörg MÜLLER", "müller"),
            ("Jo\u{308}rg Mu\u{308}ller", "JÖRG M"),
            ("ОЛЬГА Иванова", "ольга ИВ"),
            ("Straße 7", "STRASSE"),
            ("STRASSE", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("Ada Lovelace", "LOVE"),
            ("100% a_b", "% A_"),
        ] {
            assert!(contains(text, &folded(part)), "{text} {part}");
        }
        for (text, part) in [
            ("Jörg", "jorgen"),
            ("ada", "adam"),
            ("a", "%"),
            ("ab", "_b"),
        ] {
            assert!(!contains(text, &folded(part)), "{text} {part}");
        }
    }

    proptest! {
        #[test]
        fn a_text_contains_its_parts_in_any_case(start in "\\PC{0,8}", part in "[\\p{L}\\p{N}]{0,8}", end in "\\PC{0,8}", lower: bool) {
            let text = format!("{start} {part} {end}");
            let cased = if lower { part.to_lowercase() } else { part.to_uppercase() };
            prop_assert!(contains(&text, &folded(&cased)), "{text:?} {cased:?}");
        }
    }
}
