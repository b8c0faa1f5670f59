//! Authentication of webhooks by static headers and signatures, compared in constant time.
//!
//! There are two steps. The head alone decides about a static header, and it shows whether a signature is missing, unreadable or
//! too old. The result is a [`SenderProof`]. In the second step a signature is checked against the raw body.

#[cfg(test)]
mod tests;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::domain::time::Timestamp;

/// The largest difference between the time of a Unipile signature and now.
const UNIPILE_TOLERANCE_MS: u64 = 5 * 60 * 1000;
/// The largest difference between the time of a SendPilot signature and now. SendPilot retries for more than an hour.
const SENDPILOT_TOLERANCE_MS: u64 = 2 * 60 * 60 * 1000;
/// The most signatures of one header that are checked. Two are common while a secret is rotated.
const SIGNATURES_MAX: usize = 16;

/// The signature header of Unipile's API v2.
const UNIPILE_SIGNATURE: &str = "unipile-signature";
/// SendPilot's own signature header.
const WEBHOOK_SIGNATURE: &str = "webhook-signature";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a request was rejected. It is only logged; the answer is always the same 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No secret is configured for this kind of request.
    #[error("no secret is configured for this kind of request")]
    NotConfigured,
    /// The request carries no secret and no signature.
    #[error("the request carries no secret and no signature")]
    Missing,
    /// The header cannot be read, or it is present more than once.
    #[error("the signature header cannot be read, or it is present more than once")]
    Malformed,
    /// The time of the signature is too far from the current time.
    #[error("the time of the signature is too far from the clock of this machine")]
    Stale,
    /// The secret or the signature does not match.
    #[error("the secret or the signature is wrong")]
    Wrong,
}

/// What the head of a request proves about its sender.
#[derive(Clone)]
pub struct SenderProof(Proof);

#[derive(Clone)]
enum Proof {
    /// The head contained the secret.
    Given,
    /// One of these signatures must match the body.
    Signed(Signed),
}

#[derive(Clone)]
struct Signed {
    keys: Vec<Vec<u8>>,
    /// The text that is signed before the body.
    before: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

impl std::fmt::Debug for SenderProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The keys must not be shown.
        f.debug_struct("SenderProof")
            .field("is_proved", &self.is_proved())
            .finish()
    }
}

impl SenderProof {
    /// Whether the head alone authenticates the sender.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        matches!(self.0, Proof::Given)
    }

    /// Checks the signatures against the raw body.
    ///
    /// # Errors
    /// Returns [`Refusal::Wrong`] if no signature matches.
    pub fn check(&self, body: &[u8]) -> Result<(), Refusal> {
        match &self.0 {
            Proof::Given => Ok(()),
            Proof::Signed(signed) => signed.check(body),
        }
    }

    /// Returns the proof to be checked with other secrets. The text of each secret is the key.
    #[must_use]
    pub fn with_secrets(self, secrets: &[String]) -> Self {
        match self.0 {
            Proof::Given => self,
            Proof::Signed(signed) => Self(Proof::Signed(Signed {
                keys: secrets.iter().map(|s| s.as_bytes().to_vec()).collect(),
                ..signed
            })),
        }
    }
}

/// Authenticates the head of a Unipile request. A request with `unipile-signature` is judged by that alone, any other by the static
/// header with which its webhook was registered.
///
/// `signing_secrets` is `None` if no signing secret is configured. It may be empty if the secrets are in a file that was not read
/// yet; see [`SenderProof::with_secrets`].
pub fn unipile(
    headers: &HeaderMap,
    static_header: &str,
    static_secret: &str,
    signing_secrets: Option<&[&str]>,
    now: Timestamp,
) -> Result<SenderProof, Refusal> {
    if headers.contains_key(UNIPILE_SIGNATURE) {
        let secrets = signing_secrets.ok_or(Refusal::NotConfigured)?;
        let header = one(headers, UNIPILE_SIGNATURE)?;
        return hex_signature(header, "v0", secrets, now, UNIPILE_TOLERANCE_MS);
    }
    if static_secret.is_empty() {
        return Err(Refusal::NotConfigured);
    }
    let mut values = headers.get_all(static_header).iter();
    let (value, more) = (values.next().ok_or(Refusal::Missing)?, values.next());
    if more.is_some() {
        return Err(Refusal::Malformed);
    }
    // Digests have equal lengths, so the time taken does not even reveal the length of the secret.
    let equal = Sha256::digest(value.as_bytes()).ct_eq(&Sha256::digest(static_secret.as_bytes()));
    bool::from(equal)
        .then_some(SenderProof(Proof::Given))
        .ok_or(Refusal::Wrong)
}

/// Authenticates the head of a SendPilot request by one of its three forms of signature, made with any of the secrets.
pub fn sendpilot(
    headers: &HeaderMap,
    secrets: &[&str],
    now: Timestamp,
) -> Result<SenderProof, Refusal> {
    let secrets: Vec<&str> = secrets.iter().copied().filter(|s| !s.is_empty()).collect();
    if secrets.is_empty() {
        return Err(Refusal::NotConfigured);
    }
    if headers.contains_key("svix-signature") {
        return standard(headers, "svix", &secrets, now);
    }
    if !headers.contains_key(WEBHOOK_SIGNATURE) {
        return Err(Refusal::Missing);
    }
    let header = one(headers, WEBHOOK_SIGNATURE)?;
    // Both forms may begin with `v1,`. Only SendPilot's own form contains the time.
    if header.split(',').any(|part| part.trim().starts_with("t=")) {
        return hex_signature(header, "s", &secrets, now, SENDPILOT_TOLERANCE_MS);
    }
    standard(headers, "webhook", &secrets, now)
}

/// Returns the only value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::Missing)?;
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    value.to_str().map_err(|_| Refusal::Malformed)
}

/// Reads `t=<seconds>,<name>=<hex>` in any order. It signs `"{t}.{body}"` with the text of the secret as the key. Other parts are
/// ignored.
fn hex_signature(
    header: &str,
    name: &str,
    secrets: &[&str],
    now: Timestamp,
    tolerance_ms: u64,
) -> Result<SenderProof, Refusal> {
    let mut time = None;
    let mut signatures: Vec<Vec<u8>> = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", _)) if time.is_some() => return Err(Refusal::Malformed),
            Some(("t", text)) => time = Some(text),
            Some((key, text)) if key == name && signatures.len() < SIGNATURES_MAX => {
                signatures.push(hex::decode(text).map_err(|_| Refusal::Malformed)?);
            }
            _ => {}
        }
    }
    let time = time.ok_or(Refusal::Malformed)?;
    if signatures.is_empty() {
        return Err(Refusal::Malformed);
    }
    fresh(time, now, tolerance_ms)?;
    Ok(SenderProof(Proof::Signed(Signed {
        keys: secrets.iter().map(|s| s.as_bytes().to_vec()).collect(),
        before: format!("{time}.").into_bytes(),
        signatures,
    })))
}

/// Reads the headers of Svix and of Standard Webhooks. They sign `"{id}.{time}.{body}"`, in base64.
fn standard(
    headers: &HeaderMap,
    prefix: &str,
    secrets: &[&str],
    now: Timestamp,
) -> Result<SenderProof, Refusal> {
    let id = one(headers, &format!("{prefix}-id"))?;
    let time = one(headers, &format!("{prefix}-timestamp"))?;
    let signatures: Vec<Vec<u8>> = one(headers, &format!("{prefix}-signature"))?
        .split_ascii_whitespace()
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .take(SIGNATURES_MAX)
        .filter_map(|signature| BASE64.decode(signature).ok())
        .collect();
    if signatures.is_empty() {
        return Err(Refusal::Malformed);
    }
    fresh(time, now, SENDPILOT_TOLERANCE_MS)?;
    Ok(SenderProof(Proof::Signed(Signed {
        keys: secrets.iter().map(|s| standard_key(s)).collect(),
        before: format!("{id}.{time}.").into_bytes(),
        signatures,
    })))
}

/// Returns the bytes of a Standard Webhooks secret: base64 after `whsec_`. A secret that is not base64 is used as text.
fn standard_key(secret: &str) -> Vec<u8> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    match BASE64.decode(text) {
        Ok(key) if !key.is_empty() => key,
        _ => secret.as_bytes().to_vec(),
    }
}

fn fresh(seconds: &str, now: Timestamp, tolerance_ms: u64) -> Result<(), Refusal> {
    if !seconds.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::Malformed);
    }
    let at_ms = seconds
        .parse::<i64>()
        .ok()
        .and_then(|s| s.checked_mul(1000))
        .ok_or(Refusal::Malformed)?;
    (now.0.abs_diff(at_ms) <= tolerance_ms)
        .then_some(())
        .ok_or(Refusal::Stale)
}

impl Signed {
    /// Whether any of the signatures was made with any of the keys. It tries all of them, so that the time taken does not reveal
    /// which one matched.
    fn check(&self, body: &[u8]) -> Result<(), Refusal> {
        let mut found = subtle::Choice::from(0);
        for key in &self.keys {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes a key of any length");
            mac.update(&self.before);
            mac.update(body);
            let expected = mac.finalize().into_bytes();
            for signature in &self.signatures {
                found |= expected.as_slice().ct_eq(signature);
            }
        }
        bool::from(found).then_some(()).ok_or(Refusal::Wrong)
    }
}
