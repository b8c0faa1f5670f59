//! Who sent a webhook: static headers and signatures, compared in constant time over the raw body (contract section 4).

#[cfg(test)]
mod tests;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::domain::time::Ms;

/// How far the time of a Unipile signature may be from now.
const UNIPILE_TOLERANCE_MS: u64 = 5 * 60 * 1000;
/// How far the time of a SendPilot signature may be from now: retries come an hour later.
const SENDPILOT_TOLERANCE_MS: u64 = 2 * 60 * 60 * 1000;
/// The most signatures of one header that are looked at; two are common while a secret is rotated.
const SIGNATURES_MAX: usize = 16;

/// The Unipile header of API v2.
const UNIPILE_SIGNATURE: &str = "unipile-signature";
/// SendPilot's own header.
const WEBHOOK_SIGNATURE: &str = "webhook-signature";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a request is not believed; for the log. The answer is 401, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No secret is configured for this kind of request.
    #[error("no secret is configured for this kind of request")]
    NotConfigured,
    /// The request has nothing that says who sent it.
    #[error("the request carries no secret and no signature")]
    Missing,
    /// The header is there and can't be read, or is there twice.
    #[error("the signature header can't be read or stands there more than once")]
    Malformed,
    /// The time of the signature is too far from now.
    #[error("the signature's time is too far from this machine's clock")]
    Stale,
    /// It is not the configured secret.
    #[error("the secret or the signature is wrong")]
    Wrong,
}

/// Judges a Unipile request: one with `unipile-signature` by that alone, any other by the static header that its webhook was
/// registered with.
///
/// # Errors
/// The [`Refusal`] for the log.
pub fn unipile(
    headers: &HeaderMap,
    body: &[u8],
    static_header: &str,
    static_secret: &str,
    signing_secret: &str,
    now: Ms,
) -> Result<(), Refusal> {
    if headers.contains_key(UNIPILE_SIGNATURE) {
        if signing_secret.is_empty() {
            return Err(Refusal::NotConfigured);
        }
        let header = one(headers, UNIPILE_SIGNATURE)?;
        return hex_signature(
            header,
            "v0",
            body,
            &[signing_secret],
            now,
            UNIPILE_TOLERANCE_MS,
        );
    }
    if static_secret.is_empty() {
        return Err(Refusal::NotConfigured);
    }
    let mut values = headers.get_all(static_header).iter();
    let (value, more) = (values.next().ok_or(Refusal::Missing)?, values.next());
    if more.is_some() {
        return Err(Refusal::Malformed);
    }
    // Digests have one length, so not even the length of the secret shows in the time taken.
    let equal = Sha256::digest(value.as_bytes()).ct_eq(&Sha256::digest(static_secret.as_bytes()));
    bool::from(equal).then_some(()).ok_or(Refusal::Wrong)
}

/// Judges a SendPilot request by any of its three forms of signature; any of the secrets will do.
///
/// # Errors
/// The [`Refusal`] for the log.
pub fn sendpilot(
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[&str],
    now: Ms,
) -> Result<(), Refusal> {
    let secrets: Vec<&str> = secrets.iter().copied().filter(|s| !s.is_empty()).collect();
    if secrets.is_empty() {
        return Err(Refusal::NotConfigured);
    }
    if headers.contains_key("svix-signature") {
        return standard(headers, "svix", body, &secrets, now);
    }
    if !headers.contains_key(WEBHOOK_SIGNATURE) {
        return Err(Refusal::Missing);
    }
    let header = one(headers, WEBHOOK_SIGNATURE)?;
    // Both forms may begin with `v1,`; only SendPilot's own carries its time within.
    if header.split(',').any(|part| part.trim().starts_with("t=")) {
        return hex_signature(header, "s", body, &secrets, now, SENDPILOT_TOLERANCE_MS);
    }
    standard(headers, "webhook", body, &secrets, now)
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::Missing)?;
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    value.to_str().map_err(|_| Refusal::Malformed)
}

/// `t=<seconds>,<name>=<hex>` in any order, over `"{t}.{body}"`, with the secret's text as the key. Parts of other names are
/// passed over.
fn hex_signature(
    header: &str,
    name: &str,
    body: &[u8],
    secrets: &[&str],
    now: Ms,
    tolerance_ms: u64,
) -> Result<(), Refusal> {
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
    let keys = secrets.iter().map(|s| s.as_bytes().to_vec());
    matches(keys, &[time.as_bytes(), b".", body], &signatures)
}

/// The headers of Svix and of Standard Webhooks: base64 over `"{id}.{time}.{body}"`.
fn standard(
    headers: &HeaderMap,
    prefix: &str,
    body: &[u8],
    secrets: &[&str],
    now: Ms,
) -> Result<(), Refusal> {
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
    let keys = secrets.iter().map(|s| standard_key(s));
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    matches(keys, &signed, &signatures)
}

/// The bytes of a Standard Webhooks secret: base64 after `whsec_`. A secret that is not base64 is taken as it stands.
fn standard_key(secret: &str) -> Vec<u8> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    match BASE64.decode(text) {
        Ok(key) if !key.is_empty() => key,
        _ => secret.as_bytes().to_vec(),
    }
}

fn fresh(seconds: &str, now: Ms, tolerance_ms: u64) -> Result<(), Refusal> {
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

/// Whether any of the signatures was made with any of the keys. Tries them all, so the time taken does not say which.
fn matches(
    keys: impl Iterator<Item = Vec<u8>>,
    signed: &[&[u8]],
    signatures: &[Vec<u8>],
) -> Result<(), Refusal> {
    let mut found = subtle::Choice::from(0);
    for key in keys {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&key).expect("an HMAC takes a key of any length");
        for part in signed {
            mac.update(part);
        }
        let expected = mac.finalize().into_bytes();
        for signature in signatures {
            found |= expected.as_slice().ct_eq(signature);
        }
    }
    bool::from(found).then_some(()).ok_or(Refusal::Wrong)
}
