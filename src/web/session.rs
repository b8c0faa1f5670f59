//! The dashboard's sessions. The cookie holds a random id. It allows what the token that began the session allows. A session ends when
//! it is idle or open for too long, when somebody logs out, or when the token is changed or removed.
//!
//! The database holds the hash of the id, and an HMAC of the token under the id. Neither is enough to log in.

use std::fmt;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::app::App;
use super::auth::forwarded_https;
use crate::config::{Bearer, Config, Secret};
use crate::domain::audit::AuditContext;
use crate::domain::time::Timestamp;
use crate::store::{Error, SessionBounds, SessionRow};

/// The cookie's name.
pub const COOKIE: &str = "acceptd_session";
/// The prefix of its name behind https. A browser accepts such a cookie only over https and only from this host.
pub const HOST_PREFIX: &str = "__Host-";

/// A session ends if it was not used for this long.
pub const IDLE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// A session ends this long after it began.
pub const AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// The shortest time between two writes of when a session was last used.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);
/// The most sessions of one token.
const PER_TOKEN_MAX: u32 = 100;
/// The most cookies of one request that are looked up.
const COOKIES_MAX: usize = 4;

/// The random id of a session. It is never shown, because it is all that a log-in needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("session id")
    }
}

impl SessionId {
    fn parse(text: &str) -> Option<Self> {
        let mut id = [0; 32];
        hex::decode_to_slice(text, &mut id).ok()?;
        Some(Self(id))
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    fn proof(&self, token: &Secret) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("an HMAC takes a key of any length");
        mac.update(token.expose().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// Begins a session of a token. Returns the value for `Set-Cookie`.
pub async fn begin(
    app: &App,
    context: AuditContext,
    bearer: Bearer<'_>,
    secure: bool,
) -> Result<String, Error> {
    let (id, now) = (SessionId(rand::random()), app.clock.now());
    let row = SessionRow {
        id_hash: id.hash(),
        token: bearer.name.to_owned(),
        proof: id.proof(bearer.token),
        created_at: now,
        last_used_at: now,
    };
    let bounds = SessionBounds {
        created_after: now.minus(AGE_MAX),
        used_after: now.minus(IDLE_MAX),
        per_token_max: PER_TOKEN_MAX,
    };
    app.writes.begin_session(context, row, bounds).await?;
    Ok(cookie(&hex::encode(id.0), AGE_MAX.as_secs(), secure))
}

/// Ends the sessions of a request and the streams that they opened. Returns the value for `Set-Cookie` that makes the browser forget
/// the cookie.
pub async fn end(
    app: &App,
    context: AuditContext,
    headers: &HeaderMap,
    secure: bool,
) -> Result<String, Error> {
    let ids: Vec<_> = ids(headers, false).map(|id| id.hash()).collect();
    if !ids.is_empty() {
        app.writes.end_sessions(context, ids).await?;
        app.sessions_ended().send_replace(());
    }
    Ok(forget(secure))
}

/// Returns the session of a request and the token that began it. Records that the session was used.
pub async fn of_request<'c>(
    app: &App,
    config: &'c Config,
    head: &Parts,
) -> Result<Option<(SessionId, Bearer<'c>)>, Error> {
    let https = forwarded_https(config, head) == Some(true);
    for id in ids(&head.headers, https) {
        let Some((found, used)) = look_up(app, config, &id).await? else {
            continue;
        };
        let now = app.clock.now();
        if now.since(used) >= TOUCH_INTERVAL {
            let (store, hash) = (app.store.clone(), id.hash());
            // The request does not wait for this write. If it fails, the session ends at most a minute early.
            tokio::spawn(async move { store.touch_session(hash, now).await });
        }
        return Ok(Some((id, found)));
    }
    Ok(None)
}

/// Returns the token of a session and when the session was last used; `None` if the session has ended.
pub async fn look_up<'c>(
    app: &App,
    config: &'c Config,
    id: &SessionId,
) -> Result<Option<(Bearer<'c>, Timestamp)>, Error> {
    let hash = id.hash();
    let Some(row) = app.store.view(move |r| r.session(&hash)).await? else {
        return Ok(None);
    };
    let now = app.clock.now();
    if now.since(row.created_at) >= AGE_MAX || now.since(row.last_used_at) >= IDLE_MAX {
        return Ok(None);
    }
    Ok(config
        .bearers()
        .find(|bearer| bearer.name == row.token)
        .filter(|bearer| id.proof(bearer.token).ct_eq(&row.proof).into())
        .map(|bearer| (bearer, row.last_used_at)))
}

/// Returns the ids in the cookies of a request. Over https, only the cookie that the browser received over https counts.
fn ids(headers: &HeaderMap, https: bool) -> impl Iterator<Item = SessionId> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(move |pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let known = match name.strip_prefix(HOST_PREFIX) {
                Some(name) => name == COOKIE,
                None => name == COOKIE && !https,
            };
            known.then(|| SessionId::parse(value)).flatten()
        })
        .take(COOKIES_MAX)
}

/// Returns the value for `Set-Cookie` that makes a browser forget its cookie.
#[must_use]
pub fn forget(secure: bool) -> String {
    cookie("", 0, secure)
}

fn cookie(value: &str, max_age_s: u64, secure: bool) -> String {
    let (prefix, secure) = if secure {
        (HOST_PREFIX, "; Secure")
    } else {
        ("", "")
    };
    // Lax, so that a link in a message opens the page. A change needs more than the cookie.
    format!("{prefix}{COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_hidden_from_scripts_and_other_sites() {
        let begun = cookie("x", 60, true);
        for part in [
            "__Host-acceptd_session=x;",
            "HttpOnly",
            "SameSite=Lax",
            "Secure",
            "Path=/",
        ] {
            assert!(begun.contains(part), "{begun}");
        }
        assert!(!begun.contains("Domain"), "{begun}");
        let plain = cookie("x", 60, false);
        assert!(plain.starts_with("acceptd_session=x;") && !plain.contains("Secure"));
    }

    #[test]
    fn behind_https_only_the_cookie_of_this_host_counts() {
        let (a, b) = ("aa".repeat(32), "bb".repeat(32));
        let mut headers = HeaderMap::new();
        let text = format!("theme=dark; acceptd_session={a}; __Host-acceptd_session={b}; x");
        headers.insert(header::COOKIE, text.parse().expect("plain text"));
        let found = |https| ids(&headers, https).map(|id| id.0[0]).collect::<Vec<_>>();
        assert_eq!(found(true), [0xbb]);
        assert_eq!(found(false), [0xaa, 0xbb]);
    }

    #[test]
    fn an_id_is_never_shown() {
        let id = SessionId([7; 32]);
        assert!(!format!("{id:?}").contains("07"));
    }
}
