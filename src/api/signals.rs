//! Signals: the ledger of evidence.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::{Limit, Page};
use crate::domain::ids::AccountId;
use crate::domain::signal::{Outcome, Path, Source};
use crate::domain::time::Timestamp;

/// One piece of evidence, and what it led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "id": "1", "receivedAt": "2026-05-02T15:14:08.120Z", "source": "webhook", "accountId": "acc_1", "outcome": "stamped",
    "reason": "A new relation is the person the invite of enr_1 was sent to.",
    "enrollments": [{"id": "enr_1", "path": "bridge"}]
})))]
pub struct Signal {
    pub id: String,
    pub received_at: Timestamp,
    pub source: Source,
    pub account_id: Option<String>,
    pub outcome: Outcome,
    /// Why, in one sentence.
    pub reason: String,
    /// The enrollments that it was tied to.
    pub enrollments: Vec<Tie>,
    /// The provider's body without the text of any message. Only with `raw=true`, and where a signal stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub raw: Option<Value>,
}

/// An enrollment that a signal was tied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tie {
    pub id: String,
    /// How. Null if the signal named the enrollment itself.
    pub path: Option<Path>,
}

/// A page of signals.
pub type SignalList = Page<Signal>;

/// Which signals to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct SignalParams {
    /// Only those with this outcome.
    pub outcome: Option<Outcome>,
    /// Only those from this source.
    pub source: Option<Source>,
    /// Only those of this account.
    pub account: Option<AccountId>,
    /// Whether the providers' bodies are part of the answer.
    #[param(value_type = Option<bool>)]
    pub raw: bool,
    /// The largest number of items in one page.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// The `cursor` of the page before.
    #[param(min_length = 1, max_length = 1024)]
    pub cursor: Option<String>,
}
