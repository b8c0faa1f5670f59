//! Who makes a request, and what they may do.

use std::fmt;
use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode};

use crate::domain::role::Role;
use crate::web::problem::Problem;
use crate::web::session::SessionId;

/// Says which of our own programs asks; any value also says that no form of another site does.
pub const OWN_PAGE: &str = "x-acceptd";

/// Who makes a request. Handlers find it in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What let the request in.
    pub key: Key,
    /// What it may do.
    pub role: Role,
    /// Where it came from; `None` if the connection does not say.
    pub peer: Option<IpAddr>,
    /// Which program it says it is.
    pub via: Via,
}

/// What lets a request in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A bearer token, by name, and the hash of its secret.
    Token(String, [u8; 32]),
    /// A session that the token of this name began.
    Session(String, SessionId),
    /// No token is configured.
    Open,
}

/// The program that makes a request, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Any program.
    Api,
    /// The commands.
    Cli,
    /// The dashboard.
    Dashboard,
}

impl Via {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Cli => "cli",
            Self::Dashboard => "dashboard",
        }
    }

    /// What the request says; a session that says nothing is the dashboard's.
    #[must_use]
    pub fn of(headers: &HeaderMap, key: &Key) -> Self {
        match headers.get(OWN_PAGE).map(axum::http::HeaderValue::as_bytes) {
            Some(b"cli") => Self::Cli,
            Some(b"dashboard") => Self::Dashboard,
            _ if matches!(key, Key::Session(..)) => Self::Dashboard,
            _ => Self::Api,
        }
    }
}

impl Actor {
    /// Lets the actor do what `role` may do.
    ///
    /// # Errors
    /// 403, which names the role.
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
