//! The keyed hash by which an invite's note is recognised without keeping the text of a message (contract section 5.3).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;

/// The secret key of one installation; it lives in the database and nowhere else.
#[derive(Clone)]
pub struct NoteKey([u8; 32]);

impl NoteKey {
    /// A key from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash of a note or of a message that may be one: the same for texts that differ only in white space or in the way
    /// their characters are composed, since providers trim and re-encode.
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
