//! The dashboard's session: a cookie that says "whoever holds this knew the admin token", without holding the token.
//!
//! Nothing is stored: the cookie carries its expiry and an HMAC over it under a key that follows from the token, so another
//! token ends every session.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::time::Ms;

/// The cookie's name.
pub const COOKIE: &str = "acceptd_session";

/// The token is asked for again after this long.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// Whether two secrets are the same; the time it takes tells neither where they differ nor how long they are.
#[must_use]
pub fn same_secret(a: &str, b: &str) -> bool {
    Sha256::digest(a).ct_eq(&Sha256::digest(b)).into()
}

/// The value of `Set-Cookie` that begins a session. `secure` when people come over https.
#[must_use]
pub fn begin(admin_token: &str, now: Ms, secure: bool) -> String {
    let expires = now.plus(LIFETIME).0.to_string();
    let value = format!("{expires}.{}", hex::encode(seal(admin_token, &expires)));
    cookie(&value, LIFETIME.as_secs(), secure)
}

/// The value of `Set-Cookie` that ends it.
#[must_use]
pub fn end(secure: bool) -> String {
    cookie("", 0, secure)
}

/// Whether the request carries a session that this token began and that has not run out.
#[must_use]
pub fn is_valid(admin_token: &str, headers: &HeaderMap, now: Ms) -> bool {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .any(|value| stands(admin_token, value, now))
}

fn stands(admin_token: &str, value: &str, now: Ms) -> bool {
    let Some((expires, seal_hex)) = value.split_once('.') else {
        return false;
    };
    let Ok(given) = hex::decode(seal_hex) else {
        return false;
    };
    let sealed: bool = seal(admin_token, expires).ct_eq(&given).into();
    sealed && expires.parse().is_ok_and(|at: i64| at > now.0)
}

fn seal(admin_token: &str, expires: &str) -> Vec<u8> {
    let key = Sha256::new()
        .chain_update("acceptd session\0")
        .chain_update(admin_token)
        .finalize();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("an HMAC takes a key of any length");
    mac.update(expires.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn cookie(value: &str, max_age_s: u64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrying(set_cookie: &str) -> HeaderMap {
        let pair = set_cookie.split(';').next().unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            format!("theme=dark; {pair}").parse().expect("plain text"),
        );
        headers
    }

    #[test]
    fn a_session_is_the_tokens_and_runs_out() {
        let now = Ms(1_777_734_846_000);
        let headers = carrying(&begin("right", now, true));
        assert!(is_valid("right", &headers, now));
        assert!(!is_valid("other", &headers, now));
        assert!(!is_valid("right", &headers, now.plus(LIFETIME)));
        assert!(!is_valid("right", &carrying(&end(true)), now));
    }

    #[test]
    fn its_expiry_can_t_be_moved() {
        let now = Ms(1_777_734_846_000);
        let begun = begin("right", now, false);
        let forged = begun.replacen(&now.plus(LIFETIME).0.to_string(), "9999999999999", 1);
        assert!(!is_valid("right", &carrying(&forged), now));
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_it() {
        let begun = begin("right", Ms(0), true);
        for part in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
            assert!(begun.contains(part), "{begun}");
        }
    }
}
