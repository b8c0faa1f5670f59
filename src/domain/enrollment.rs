//! Enrollments: one prospect in one campaign, worked by one account. See `docs/glossary.md`.

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::ids::{AccountId, CampaignId, EnrollmentId};
use super::signal::{Path, Precision, Source};
use super::time::Timestamp;
use super::word_list::{UnknownWord, word_list};

/// What is known about the invite that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invite {
    /// When it was sent.
    pub at: Option<Timestamp>,
    /// The provider id of the person that was invited. Only the ids of the invite give the path `bridge`.
    pub provider_id: Option<String>,
    /// The member number in that id, if it has one.
    pub number: Option<i64>,
    /// The provider's id of the invitation.
    pub invitation_id: Option<String>,
    /// The keyed hash of the note that was sent with it.
    pub note_hash: Option<String>,
    /// When `linkedin.invite_not_accepted` was announced for it.
    pub reported_at: Option<Timestamp>,
}

impl Invite {
    /// Returns the identity of the person that was invited.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            provider_id: self.provider_id.clone(),
            member_number: self.number,
            ..Identity::default()
        }
    }

    /// Fills the unknown fields of this invite from another one. Provider id and number name one person, so they are taken
    /// together or not at all.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let names = self.provider_id.is_some() || self.number.is_some();
        let (provider_id, number) = if names {
            (self.provider_id, self.number)
        } else {
            (other.provider_id, other.number)
        };
        Self {
            at: self.at.or(other.at),
            provider_id,
            number,
            invitation_id: self.invitation_id.or(other.invitation_id),
            note_hash: self.note_hash.or(other.note_hash),
            reported_at: self.reported_at.or(other.reported_at),
        }
    }
}

/// An accept as it was stamped. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// When it happened.
    pub at: Timestamp,
    /// How well the time of the accept is known.
    pub precision: Precision,
    /// When it was stamped.
    pub detected_at: Timestamp,
    /// The source of the signal that stamped it.
    pub source: Source,
    /// How the signal was matched to the enrollment. `None` if the signal named the enrollment itself.
    pub path: Option<Path>,
    /// Whether the signal came to a sibling account.
    pub via_sibling: bool,
    /// Whether the two were connected before the invite.
    pub pre_connected: bool,
    /// Whether the campaign was not running, or its `acceptWindow` was over.
    pub late: bool,
    /// Whether the accept was already old when it was detected.
    pub backfill: bool,
}

/// An enrollment as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    /// The row number, which gives the order of creation.
    pub seq: i64,
    /// The id that the caller gave it.
    pub id: EnrollmentId,
    /// The account that invites the prospect.
    pub account: AccountId,
    /// The campaign it belongs to.
    pub campaign: CampaignId,
    /// The current status.
    pub status: Status,
    /// The time of the newest status that SendPilot or a user reported. An older report does not override it.
    pub status_at: Option<Timestamp>,
    /// Full name.
    pub name: Option<String>,
    /// LinkedIn headline.
    pub headline: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// The LinkedIn URL as the caller gave it.
    pub linkedin_url: Option<String>,
    /// The provider id as the caller gave it.
    pub given_id: Option<String>,
    /// The ids by which signals are matched to the prospect.
    pub identity: Identity,
    /// What is known about the invite.
    pub invite: Invite,
    /// The accept, once it is stamped.
    pub accept: Option<Accept>,
    /// The time of the prospect's first reply.
    pub replied_at: Option<Timestamp>,
    /// When the campaign's next step is due, if one is queued.
    pub next_step_at: Option<Timestamp>,
    /// Whether its first event already came after the accept, for example a reply. Its accept is then a backfill.
    pub first_seen_after_accept: bool,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

impl Enrollment {
    /// Creates an enrollment about which nothing else is known.
    #[must_use]
    pub fn new(id: EnrollmentId, account: AccountId, campaign: CampaignId, now: Timestamp) -> Self {
        Self {
            seq: 0,
            id,
            account,
            campaign,
            status: Status::Pending,
            status_at: None,
            name: None,
            headline: None,
            company: None,
            linkedin_url: None,
            given_id: None,
            identity: Identity::default(),
            invite: Invite::default(),
            accept: None,
            replied_at: None,
            next_step_at: None,
            first_seen_after_accept: false,
            created_at: now,
        }
    }

    /// Returns the whole seconds between invite and accept. `None` if pre-connected or if either time is unknown.
    #[must_use]
    pub fn seconds_to_accept(&self) -> Option<i64> {
        let accept = self.accept.as_ref().filter(|a| !a.pre_connected)?;
        let invited = self.invite.at?;
        Some(i64::try_from(accept.at.since(invited).as_secs()).unwrap_or(i64::MAX))
    }
}

/// The status of an enrollment, in SendPilot's words. See `docs/rules/stamping.md`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Status>)]
pub enum Status {
    /// No invite is known.
    Pending,
    /// The invite was sent.
    ConnectionSent,
    /// The invite was accepted.
    ConnectionAccepted,
    /// A follow-up was sent.
    MessageSent,
    /// The prospect wrote back.
    ReplyReceived,
    /// A user set it.
    Opportunity,
    /// A user set it.
    NotInterested,
    /// A user set it.
    Done,
}

word_list!(Status);

impl Status {
    /// The position in the order in which a status moves forward. The three that a user sets share the last position.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::ConnectionSent => 1,
            Self::ConnectionAccepted => 2,
            Self::MessageSent => 3,
            Self::ReplyReceived => 4,
            Self::Opportunity | Self::NotInterested | Self::Done => 5,
        }
    }

    /// Whether the database allows it only with an accept.
    #[must_use]
    pub fn needs_accept(self) -> bool {
        (2..=4).contains(&self.rank())
    }

    /// Whether it closes the enrollment, so that an accept is no longer expected.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::NotInterested | Self::Done)
    }

    /// Whether the database allows it only without an accept.
    #[must_use]
    pub fn needs_no_accept(self) -> bool {
        self.rank() < 2
    }

    /// Returns the status after a report of `other`: it moves forward, or between the three that a user sets, but never back.
    #[must_use]
    pub fn updated_to(self, other: Self) -> Self {
        if other.rank() == self.rank() {
            other
        } else {
            self.forward_to(other)
        }
    }

    /// Returns the later of the two in the order.
    #[must_use]
    pub fn forward_to(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }
}
