//! Resyncs: provider calls and polls that were asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;

/// A promised look at one prospect. It is kept over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"resyncId": "rs_0190f5c2", "dueAt": "2026-05-02T15:15:12.000Z"})))]
pub struct ResyncAccepted {
    /// The same for every request that is served by the same call.
    pub resync_id: String,
    /// The earliest time of the call.
    pub due_at: Timestamp,
}

/// A poll that is due now, within spacing and budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"accountId": "acc_1", "dueAt": "2026-05-02T15:15:12.000Z"})))]
pub struct AccountResyncAccepted {
    pub account_id: AccountId,
    /// The earliest time of the poll.
    pub due_at: Timestamp,
}

/// Polls that are due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"accounts": 3})))]
pub struct ResyncAllAccepted {
    /// The number of accounts that are polled.
    pub accounts: usize,
}
