//! The URL of a destination. Anyone who has it can post there, so it is treated as a secret.

use std::fmt;

use sha2::{Digest, Sha256};
use url::Url;

/// The text that is shown in place of a secret.
pub const REDACTED: &str = "«redacted»";

/// A URL that is a secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// Reads an absolute `http` or `https` URL. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(Self(url))
    }

    /// Returns the URL itself, for sending.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Returns the SHA-256 of the URL in hex. It is stored to recognise the URL without keeping it.
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
