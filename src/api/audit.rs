//! The audit trail: who changed what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::Page;
use crate::domain::audit::Via;
use crate::domain::time::Timestamp;

/// One change: who made it, by which request or signal, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "at": "2026-05-02T15:14:08.120Z", "actor": "session:support", "via": "dashboard", "action": "PATCH /v1/enrollments/{id}",
    "subject": "enr_1", "peer": "192.0.2.7"
})))]
pub struct AuditEntry {
    pub at: Timestamp,
    /// The name of a token, `session:` and the name of the token that began it, `open` without tokens, or `signal`.
    pub actor: String,
    /// The program that sent the request, as it says itself. Null for a signal.
    pub via: Option<Via>,
    /// Method and route of the request, or the name of the signal.
    pub action: String,
    /// The id of what was changed. Null if it is no single thing.
    pub subject: Option<String>,
    /// The address that the request came from. Null for a signal.
    pub peer: Option<String>,
}

/// A page of changes.
pub type AuditList = Page<AuditEntry>;
