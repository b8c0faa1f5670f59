//! The state of the process, and the answer to a provider's webhook.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::signal::Outcome;

/// The state of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"status": "ok"})))]
pub struct Health {
    /// `ok` or `ready`.
    pub status: String,
}

/// A webhook that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"outcome": "stamped"})))]
pub struct WebhookStored {
    pub outcome: Outcome,
}
