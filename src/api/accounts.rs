//! Accounts: their health and pacing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::Page;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;

/// One LinkedIn account and its pacing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "id": "acc_1", "name": "Piet Hallam", "aliases": [], "provider": "unipile", "workspaceId": "ws_default", "health": "OK", "healthReason": null, "outageSince": null,
    "openEnrollments": 12, "lastCallAt": "2026-05-02T15:00:12.000Z", "nextCallAt": "2026-05-02T15:01:19.000Z",
    "lastPollAt": "2026-05-02T15:00:12.000Z", "nextPollAt": "2026-05-02T15:33:40.000Z", "callsToday": 31, "dailyBudget": 300
})))]
pub struct Account {
    pub id: AccountId,
    /// The name that the provider shows.
    pub name: Option<String>,
    /// Other ids of the same LinkedIn account.
    pub aliases: Vec<AccountId>,
    pub provider: Provider,
    pub workspace_id: String,
    pub health: Health,
    /// The provider's word or error type.
    pub health_reason: Option<String>,
    /// When its outage began.
    pub outage_since: Option<Timestamp>,
    pub open_enrollments: u64,
    /// When the last provider call began.
    pub last_call_at: Option<Timestamp>,
    /// The earliest time of the next provider call.
    pub next_call_at: Option<Timestamp>,
    /// When the last poll ended.
    pub last_poll_at: Option<Timestamp>,
    /// When the next poll is due.
    pub next_poll_at: Option<Timestamp>,
    /// The number of provider calls this UTC day.
    pub calls_today: u32,
    pub daily_budget: u32,
}

/// Whether an account works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, strum::Display)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
#[schema(as = AccountHealth)]
pub enum Health {
    Ok,
    Unhealthy,
}

/// A page of accounts.
pub type AccountList = Page<Account>;
