//! Values that are never shown: not in logs, errors, `check`, the API or the dashboard.

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

pub use crate::domain::secret_url::REDACTED;

/// A secret text. Empty means "not configured".
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Whether it is configured.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.0.expose_secret().is_empty()
    }

    /// Returns the secret text. Call it only where the secret is used.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose()
            .as_bytes()
            .ct_eq(other.expose().as_bytes())
            .into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { REDACTED } else { "not set" })
    }
}

/// A Standard Webhooks secret: `whsec_` and base64 of the signing key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Secret, Vec<u8>);

impl SigningSecret {
    /// Reads `whsec_…`. Padding may be missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let engine = GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let key = engine.decode(text.strip_prefix("whsec_")?).ok()?;
        (!key.is_empty()).then(|| Self(Secret::new(text.to_owned()), key))
    }

    /// Returns the key bytes.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.1
    }

    /// Returns the secret as it was written, `whsec_…`.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shown() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), REDACTED);
        assert_eq!(format!("{:?}", Secret::default()), "not set");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn standard_webhooks_secrets() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(secret.key().len(), 24);
        for bad in ["", "whsec_", "whsec_%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(SigningSecret::parse(bad).is_none(), "{bad}");
        }
    }
}
