//! The URL of a destination. Whoever has it may post there, so it is a secret (contract section 3).

use std::fmt;

use sha2::{Digest, Sha256};
use url::Url;

/// What stands for a secret wherever people look.
pub const REDACTED: &str = "«redacted»";

/// A URL that is a secret: never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// Reads an absolute `http` or `https` URL. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(Self(url))
    }

    /// The URL itself, for the one who sends.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// What is stored to know a URL again without keeping it: the SHA-256 of its text, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_str()))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_never_shown() {
        let url = SecretUrl::parse("https://user:pw@hooks.slack.com/services/T0/B0/secret?x=1");
        assert_eq!(format!("{url:?}"), format!("Some({REDACTED})"));
        assert!(SecretUrl::parse("file:///etc/passwd").is_none());
        assert!(SecretUrl::parse("/relative").is_none());
    }
}
