//! What a webhook of SendPilot says.

use crate::domain::enrollment::Status;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::signal::EventRef;
use crate::domain::time::Timestamp;

/// A SendPilot webhook, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendpilotEvent {
    /// The event's id, where it has one.
    pub event_ref: Option<EventRef>,
    /// The provider's name of the event type.
    pub event_type: String,
    /// When SendPilot detected it; `None` when it can't be read.
    pub timestamp: Option<Timestamp>,
    /// The enrollment. `None` only for an event type that is not known.
    pub lead: Option<EnrollmentId>,
    /// The account. May be missing; then the lead must be known already.
    pub sender: Option<AccountId>,
    /// The campaign, where named.
    pub campaign: Option<CampaignId>,
    /// The prospect's URL, where named.
    pub linkedin_url: Option<String>,
    /// What it says.
    pub kind: SendpilotKind,
    /// What may be kept of the body, a JSON text without the text of any message.
    pub raw: String,
}

/// What a SendPilot webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendpilotKind {
    /// `connection.sent`, `connection_request.sent`.
    Sent {
        /// The invite's note.
        note: Option<String>,
    },
    /// `connection.accepted`, `connection_request.accepted`.
    Accepted {
        /// `acceptedAt`, where it can be read.
        at: Option<Timestamp>,
    },
    /// `message.sent`.
    MessageSent,
    /// `reply.received`, `message.received`.
    Reply {
        /// The first 400 characters of the reply; whether it is kept is for the configuration to say.
        preview: Option<String>,
    },
    /// `lead.status.changed`, `lead.updated`. `None` for an unknown or missing word.
    StatusChange {
        /// The status before.
        previous: Option<Status>,
        /// The status now.
        new: Option<Status>,
    },
    /// Any other event type.
    Unknown,
}
