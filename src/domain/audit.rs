//! The audit trail: who changed what, by which request or signal. It has no names of people and no bodies.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::word_list::{UnknownWord, word_list};

/// The actor of what a signal to the process asked for. Tokens can't have this name.
pub const SIGNAL: &str = "signal";

/// The program that sends a request, as it says itself.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Via>)]
pub enum Via {
    /// Any program.
    Api,
    /// The commands of acceptd.
    Cli,
    /// The dashboard.
    Dashboard,
}

word_list!(Via);

/// Who asks for a change, and by what. Every change that a user or a program asks for needs one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditContext {
    /// The name of a token, `session:` and the name of the token that began it, `open` without tokens, or [`SIGNAL`].
    pub actor: String,
    /// The program that sent the request, as it says itself; `None` for a signal.
    pub via: Option<Via>,
    /// Method and route template of the request, such as `PATCH /v1/enrollments/{id}`, or the name of the signal.
    pub action: String,
    /// The address that the request came from, if it is known.
    pub peer: Option<IpAddr>,
}

impl AuditContext {
    /// The context of what a signal such as `SIGHUP` asks for.
    #[must_use]
    pub fn of_signal(name: &str) -> Self {
        Self {
            actor: SIGNAL.to_owned(),
            via: None,
            action: name.to_owned(),
            peer: None,
        }
    }
}

/// One entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who asked, and by what.
    pub context: AuditContext,
    /// The id of what was changed; `None` if it is no single thing.
    pub subject: Option<String>,
}
