//! Signatures by the symmetric scheme `v1` of the Standard Webhooks specification.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Decodes base64 with and without padding, because people write the same secret in both ways.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The error for a text that is not a signing secret. It does not contain the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a signing secret is \"whsec_\" and base64, for example the output of: echo whsec_$(openssl rand -base64 24)"
)]
pub struct InvalidSecret;

/// A Standard Webhooks signing secret.
#[derive(Clone)]
pub struct SigningSecret {
    keyed: Hmac<Sha256>,
    /// The signature of nothing, to compare two secrets by.
    fingerprint: [u8; 32],
}

impl SigningSecret {
    /// Parses `whsec_` and base64. As in the official libraries, the prefix may be missing.
    ///
    /// # Errors
    /// [`InvalidSecret`] if the rest is empty or is not base64.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.trim();
        let key = LENIENT
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .map_err(|_| InvalidSecret)?;
        if key.is_empty() {
            return Err(InvalidSecret);
        }
        let keyed = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| InvalidSecret)?;
        let fingerprint = keyed.clone().finalize().into_bytes().into();
        Ok(Self { keyed, fingerprint })
    }

    fn sign(&self, id: &str, timestamp_s: i64, body: &str) -> String {
        let mut mac = self.keyed.clone();
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl PartialEq for SigningSecret {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for SigningSecret {}

/// Returns the value of `webhook-signature`: one signature per secret, separated by spaces, or `None` without secrets. `timestamp_s` is
/// the time of the attempt in Unix seconds. Every attempt is signed anew, under the same id.
#[must_use]
pub fn signature(
    secrets: &[SigningSecret],
    id: &str,
    timestamp_s: i64,
    body: &str,
) -> Option<String> {
    let signatures: Vec<_> = secrets
        .iter()
        .map(|secret| secret.sign(id, timestamp_s, body))
        .collect();
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(text).expect("a good secret")
    }

    #[test]
    fn signatures_match_the_official_test_vectors() {
        // From the official Rust library's tests.
        assert_eq!(
            signature(
                &[secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")],
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#
            )
            .as_deref(),
            Some("v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=")
        );
        // From the official JavaScript and Python libraries' tests.
        assert_eq!(
            signature(
                &[secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#
            )
            .as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn every_secret_signs() {
        let both = [
            secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
            secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ];
        let all = signature(&both, "evt_1", 1, "{}").expect("two secrets");
        let each: Vec<_> = both
            .iter()
            .filter_map(|one| signature(std::slice::from_ref(one), "evt_1", 1, "{}"))
            .collect();
        assert_eq!(all, each.join(" "));
        assert_eq!(signature(&[], "evt_1", 1, "{}"), None);
    }

    #[test]
    fn a_secret_is_checked_and_never_shown() {
        for text in ["", "whsec_", "whsec_not base64!"] {
            assert_eq!(SigningSecret::parse(text), Err(InvalidSecret));
        }
        assert_eq!(format!("{:?}", secret("whsec_c2VjcmV0")), "[redacted]");
        assert_eq!(secret("whsec_c2VjcmV0MQ"), secret("whsec_c2VjcmV0MQ=="));
        assert_ne!(secret("whsec_c2VjcmV0MQ"), secret("whsec_c2VjcmV0Mg"));
    }
}
