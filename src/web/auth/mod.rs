//! Who may use the API and the dashboard: the bearer of a token, or a browser whose session began with a token. If no token is
//! configured, every client on this machine. See `docs/rules/security.md`.
//!
//! [`admit`] checks a request by its head alone. [`super::routes`] calls it before a body is read.

mod actor;
mod guesses;
mod peer;
mod site;

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::app::App;
use super::problem::Problem;
use super::session;
use crate::config::{Bearer, Config};
use crate::domain::role::Role;
use crate::metrics::TokenUse;

pub use actor::{Actor, Key, OWN_PAGE};
pub use guesses::Guesses;
pub use peer::{forwarded_https, peer};
pub use site::same_site;

/// Paths that are answered to everybody in open mode, because supervisors and load balancers request them.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Returns who makes a request, judged by its head alone. A wrong token is counted and answered late.
///
/// The error is 401 without a valid token or session, 403 for a change that a page of another site requests, and 503 if the session
/// can't be looked up.
pub async fn admit(app: &App, head: &Parts) -> Result<Actor, Problem> {
    let config = app.config();
    let peer = peer(&config, head);
    let actor = |key: Key, role| Actor {
        via: actor::via(&head.headers, &key),
        key,
        role,
        peer,
    };
    if config.is_open() {
        same_site(head, &config)?;
        return Ok(actor(Key::Open, Role::Admin));
    }
    if let Some(given) = bearer(&head.headers) {
        let Some(found) = find(&config, given) else {
            return Err(wrong(app, given, TokenUse::Bearer, peer).await);
        };
        let key = Key::Token(found.name.to_owned(), digest(given));
        return Ok(actor(key, found.role));
    }
    let Some((id, found)) = session::of_request(app, &config, head).await? else {
        return Err(unauthorized("Send a token: Authorization: Bearer …."));
    };
    same_site(head, &config)?;
    if site::changes(&head.method) && !head.headers.contains_key(OWN_PAGE) {
        return Err(forbidden(
            "A change under a session needs the header X-Acceptd, so that no other site can ask for it.",
        ));
    }
    Ok(actor(Key::Session(found.name.to_owned(), id), found.role))
}

/// Whether the actor of an earlier request would still be admitted: the token is unchanged and the session did not end.
pub async fn still_admitted(app: &App, actor: &Actor) -> Result<bool, Problem> {
    let config = app.config();
    Ok(match &actor.key {
        Key::Open => config.is_open(),
        Key::Token(_, mark) => config
            .bearers()
            .any(|bearer| digest(bearer.token.expose()).ct_eq(mark).into()),
        Key::Session(_, id) => session::look_up(app, &config, id).await?.is_some(),
    })
}

/// Admits a scraper. If `metrics_token` is set, the request needs it or any other token. The error is 401.
pub async fn admit_scraper(app: &App, head: &Parts) -> Result<(), Problem> {
    let config = app.config();
    let metrics_token = &config.server.metrics_token;
    if !metrics_token.is_set() {
        return Ok(());
    }
    if let Some(given) = bearer(&head.headers) {
        let own = same_secret(given, metrics_token.expose());
        if own | find(&config, given).is_some() {
            return Ok(());
        }
        let peer = peer(&config, head);
        return Err(wrong(app, given, TokenUse::Metrics, peer).await);
    }
    if session::of_request(app, &config, head).await?.is_some() {
        return Ok(());
    }
    Err(unauthorized(
        "Send server.metrics_token or another token: Authorization: Bearer ….",
    ))
}

/// In open mode, refuses requests that may come from another machine, before anything else happens.
pub async fn open_mode(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.config().is_open() && !HEALTH.contains(&request.uri().path()) {
        let (head, body) = request.into_parts();
        if let Err(problem) = site::of_this_machine(&head) {
            return problem.into_response();
        }
        return next.run(Request::from_parts(head, body)).await;
    }
    next.run(request).await
}

/// Returns the token with this secret. Compares every token, so that the duration reveals nothing.
#[must_use]
pub fn find<'c>(config: &'c Config, given: &str) -> Option<Bearer<'c>> {
    let given = digest(given);
    let mut found = None;
    for bearer in config.bearers() {
        if digest(bearer.token.expose()).ct_eq(&given).into() {
            found = Some(bearer);
        }
    }
    found
}

/// Whether two secrets are equal. The duration reveals neither where they differ nor how long they are.
fn same_secret(a: &str, b: &str) -> bool {
    digest(a).ct_eq(&digest(b)).into()
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Counts a wrong token and returns its answer after a delay.
async fn wrong(app: &App, given: &str, used: TokenUse, peer: Option<IpAddr>) -> Problem {
    // An empty token was forgotten and is no guess.
    if !given.is_empty() {
        app.guesses()
            .wrong(&app.clock, &app.metrics, used, peer)
            .await;
    }
    unauthorized("The bearer token is not valid.")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    // Not `to_str`: a token may have more than ASCII.
    let value = std::str::from_utf8(headers.get(header::AUTHORIZATION)?.as_bytes()).ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail).with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"acceptd\""),
    )
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, detail)
}
