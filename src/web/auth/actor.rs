//! The actor of a request, and what it may do.

use std::fmt;
use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};

use super::{digest, peer};
use crate::config::{Bearer, Config};
use crate::domain::audit::{AuditContext, Via};
use crate::domain::role::Role;
use crate::web::problem::Problem;
use crate::web::session::SessionId;

/// The header that names the program of acceptd that sends a request. Its presence also shows that no form of another site sent it.
pub const OWN_PAGE: &str = "x-acceptd";

/// The actor of a request. Handlers find it in the extensions of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What admitted the request.
    pub key: Key,
    /// What the actor may do.
    pub role: Role,
    /// The address that the request came from, if it is known.
    pub peer: Option<IpAddr>,
    /// The program that sent the request, as it says itself.
    pub via: Via,
}

/// What admits a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A bearer token, by name, and the hash of its secret.
    Token(String, [u8; 32]),
    /// A session that the token of this name began.
    Session(String, SessionId),
    /// No token is configured.
    Open,
}

/// Returns the program that a request names. A request with a session that names none comes from the dashboard.
pub(super) fn via(headers: &HeaderMap, key: &Key) -> Via {
    match headers.get(OWN_PAGE).map(axum::http::HeaderValue::as_bytes) {
        Some(b"cli") => Via::Cli,
        Some(b"dashboard") => Via::Dashboard,
        _ if matches!(key, Key::Session(..)) => Via::Dashboard,
        _ => Via::Api,
    }
}

impl Actor {
    /// Returns the actor of a log-in with a token.
    #[must_use]
    pub fn of_login(config: &Config, head: &Parts, bearer: Bearer<'_>) -> Self {
        Self {
            key: Key::Token(bearer.name.to_owned(), digest(bearer.token.expose())),
            role: bearer.role,
            peer: peer(config, head),
            via: Via::Dashboard,
        }
    }

    /// Returns the actor of a request with a session.
    #[must_use]
    pub fn of_session(config: &Config, head: &Parts, id: SessionId, bearer: Bearer<'_>) -> Self {
        let key = Key::Session(bearer.name.to_owned(), id);
        Self {
            via: via(&head.headers, &key),
            key,
            role: bearer.role,
            peer: peer(config, head),
        }
    }

    /// Checks that the actor may do what `role` may do. The error is a 403 that names the role.
    pub fn may(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!(
                "This needs the role {role}; the token {:?} has the role {}.",
                self.token(),
                self.role
            ),
        ))
    }

    /// Returns the context for the audit trail of a request to a route.
    #[must_use]
    pub fn audit(&self, method: &Method, route: &str) -> AuditContext {
        AuditContext {
            actor: self.to_string(),
            via: Some(self.via),
            action: format!("{method} {route}"),
            peer: self.peer,
        }
    }

    fn token(&self) -> &str {
        match &self.key {
            Key::Token(name, _) | Key::Session(name, _) => name,
            Key::Open => "",
        }
    }
}

/// A token's name, `session:` and the name of the token that began it, or `open`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::Token(name, _) => f.write_str(name),
            Key::Session(name, _) => write!(f, "session:{name}"),
            Key::Open => f.write_str("open"),
        }
    }
}
