//! What a webhook of Unipile says, independent of the API version that sent it.

use crate::domain::account::AccountReport;
use crate::domain::identity::Identity;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::signal::{EventRef, Signal, Source};

/// A webhook of Unipile, read from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnipileEvent {
    /// The event id. API v1 has none.
    pub event_ref: Option<EventRef>,
    /// The API that sent it.
    pub api: Provider,
    /// What it reports.
    pub kind: UnipileKind,
    /// The part of the body that is kept, as JSON.
    pub raw: String,
}

/// What a webhook of Unipile reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnipileKind {
    /// Evidence: a new relation, a reply, or a message that may be a note echo.
    Evidence(Box<Signal>),
    /// The state of an account.
    Account {
        /// The account.
        account: AccountId,
        /// The state in the provider's words.
        message: String,
        /// What it says about the health of the account.
        report: AccountReport,
    },
    /// A webhook that is not evidence.
    Ignored {
        /// The account, if the body names one.
        account: Option<AccountId>,
        /// The source that it is listed under: `webhook`, `reply` or `note_echo`.
        source: Source,
        /// The person it is about, if the body names one.
        identity: Identity,
        /// Why it is not evidence, as one sentence for the ledger.
        reason: String,
    },
}
