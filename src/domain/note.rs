//! The keyed hash by which the note of an invite is recognised without keeping the text of any message. See
//! `docs/rules/signals.md`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;

/// The secret key of one installation. It is stored only in the database.
#[derive(Clone)]
pub struct NoteKey([u8; 32]);

impl NoteKey {
    /// Creates the key from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the hash of a note, or of a message that may be one. Texts that differ only in white space or in Unicode
    /// composition have the same hash, because providers trim and re-encode texts.
    #[must_use]
    pub fn hash(&self, text: &str) -> String {
        let folded: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("an HMAC takes a key of any length");
        mac.update(folded.nfc().collect::<String>().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoteKey(…)")
    }
}
