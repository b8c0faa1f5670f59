//! What a webhook of SendPilot says.

use crate::domain::enrollment::Status;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::signal::EventRef;
use crate::domain::time::Timestamp;

/// A webhook of SendPilot, read from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendpilotEvent {
    /// The event id, if it has one.
    pub event_ref: Option<EventRef>,
    /// The event type in SendPilot's words.
    pub event_type: String,
    /// When SendPilot detected it. `None` if it cannot be read.
    pub timestamp: Option<Timestamp>,
    /// The enrollment. `None` only if the event type is unknown.
    pub lead: Option<EnrollmentId>,
    /// The account. If it is missing, the lead must already be enrolled.
    pub sender: Option<AccountId>,
    /// The campaign, if the event names one.
    pub campaign: Option<CampaignId>,
    /// The LinkedIn URL of the prospect, if the event names one.
    pub linkedin_url: Option<String>,
    /// What it reports.
    pub kind: SendpilotKind,
    /// The part of the body that is kept, as JSON. It contains no text of a message.
    pub raw: String,
}

/// What a webhook of SendPilot reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendpilotKind {
    /// The invite was sent: `connection.sent`, `connection_request.sent`.
    Sent {
        /// The note of the invite.
        note: Option<String>,
    },
    /// The invite was accepted: `connection.accepted`, `connection_request.accepted`.
    Accepted {
        /// `acceptedAt`, if it can be read.
        at: Option<Timestamp>,
    },
    /// A message was sent to the prospect: `message.sent`.
    MessageSent,
    /// The prospect replied: `reply.received`, `message.received`.
    Reply {
        /// The first 400 characters of the reply, if the configuration keeps them.
        preview: Option<String>,
    },
    /// The status changed: `lead.status.changed`, `lead.updated`. A status is `None` if it is missing or unknown.
    StatusChange {
        /// The previous status.
        previous: Option<Status>,
        /// The new status.
        new: Option<Status>,
    },
    /// Any other event type.
    Unknown,
}
