//! What every API's registration of webhooks reports.

use super::error::CallError;

/// The path of the webhook address below `server.public_url`.
pub const HOOK_PATH: &str = "/webhooks/unipile";

/// What was done to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Done {
    /// It was as wanted.
    Kept,
    /// It was missing, or no existing one could be kept.
    Created,
    /// It was changed in place.
    Changed,
    /// It was a duplicate, or a new one replaced it.
    Removed,
}

/// One step of a registration that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterStep {
    /// What was done.
    pub done: Done,
    /// Our name for the webhook.
    pub name: String,
    /// The provider's id of it.
    pub id: String,
}

/// Why a registration stopped. The steps before it are done, and running it again does the rest.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A setting is missing or can't be used.
    #[error("{0}")]
    Settings(String),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The file of signing secrets can't be read or written.
    #[error("unipile_v2.secret_file: {0}")]
    SecretFile(String),
}
