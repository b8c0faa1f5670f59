//! What a webhook of Unipile says, independent of the API version that sent it.

use crate::domain::identity::Identity;
use crate::domain::ids::AccountId;
use crate::domain::signal::{EventRef, Signal, Source};

/// A Unipile webhook, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnipileEvent {
    /// API v2 has an event id, v1 has none.
    pub event_ref: Option<EventRef>,
    /// What it is.
    pub kind: UnipileKind,
    /// What may be kept of the body, a JSON text.
    pub raw: String,
}

/// What a Unipile webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnipileKind {
    /// Evidence: a new relation, a reply, or what may be a note echo.
    Evidence(Box<Signal>),
    /// The state of an account. `healthy` is `None` when it changes nothing (`CONNECTING`).
    Account {
        /// The account.
        account: AccountId,
        /// The provider's word.
        message: String,
        /// Whether the account works.
        healthy: Option<bool>,
    },
    /// Not evidence; `reason` is one sentence for the ledger.
    Ignored {
        /// The account, where the body names one.
        account: Option<AccountId>,
        /// The source it would have had: `webhook`, `reply` or `note_echo`.
        source: Source,
        /// Whom it is about, as far as the body says.
        identity: Identity,
        /// Why.
        reason: String,
    },
}
