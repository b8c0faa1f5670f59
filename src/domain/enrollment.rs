//! One prospect in one campaign, worked by one account (contract section 1).

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::ids::{AccountId, CampaignId, EnrollmentId};
use super::signal::{Path, Precision, Source};
use super::time::Timestamp;
use super::word_list::{UnknownWord, word_list};

/// What is known of the invite that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invite {
    /// When it was sent.
    pub at: Option<Timestamp>,
    /// Whom it named; only these ids make the path `bridge`.
    pub provider_id: Option<String>,
    /// The member number of that id, where it has one.
    pub number: Option<i64>,
    /// The provider's id of the invitation.
    pub invitation_id: Option<String>,
    /// The keyed hash of its note.
    pub note_hash: Option<String>,
    /// When it was reported that it had stayed open (contract section 12).
    pub reported_at: Option<Timestamp>,
}

impl Invite {
    /// Whom it named.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            provider_id: self.provider_id.clone(),
            member_number: self.number,
            ..Identity::default()
        }
    }

    /// This one, with what it does not say taken from another. Whom it named is one fact: id and number go together.
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

/// An accept, as it was stamped; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// When it happened.
    pub at: Timestamp,
    /// How well that is known.
    pub precision: Precision,
    /// When it was stamped.
    pub detected_at: Timestamp,
    /// The winning sign.
    pub source: Source,
    /// How it was tied to the enrollment; `None` when the sign named the enrollment itself.
    pub path: Option<Path>,
    /// Whether the sign came to a sibling account.
    pub via_sibling: bool,
    /// Whether the two were connected before the invite.
    pub pre_connected: bool,
    /// Whether the campaign no longer waited for it.
    pub late: bool,
    /// Whether it was old news when it was found.
    pub backfill: bool,
}

/// An enrollment as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrollment {
    /// The order of creation.
    pub seq: i64,
    /// The caller's id.
    pub id: EnrollmentId,
    /// Who works it.
    pub account: AccountId,
    /// Where it belongs.
    pub campaign: CampaignId,
    /// Where it stands.
    pub status: Status,
    /// When the newest status that was told to us (by SendPilot or a user) was set.
    pub status_at: Option<Timestamp>,
    /// Full name.
    pub name: Option<String>,
    /// LinkedIn headline.
    pub headline: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// The URL as the caller gave it.
    pub linkedin_url: Option<String>,
    /// The provider's id as the caller gave it.
    pub given_id: Option<String>,
    /// Who the prospect is.
    pub identity: Identity,
    /// The invite.
    pub invite: Invite,
    /// The accept.
    pub accept: Option<Accept>,
    /// The first reply.
    pub replied_at: Option<Timestamp>,
    /// When the campaign's next step is due (contract section 12).
    pub next_step_at: Option<Timestamp>,
    /// Whether it was first met by a status later than the accept.
    pub first_seen_after_accept: bool,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

impl Enrollment {
    /// A new one that nothing is known of.
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

    /// The whole seconds between invite and accept; `None` when pre-connected or unknown.
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
    /// The place in the order that stamps move along; the three that people set share the last one.
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

    /// Whether only an accepted enrollment may have it.
    #[must_use]
    pub fn needs_accept(self) -> bool {
        (2..=4).contains(&self.rank())
    }

    /// Whether its prospect is no longer waited for.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::NotInterested | Self::Done)
    }

    /// Whether only an enrollment that was not accepted may have it.
    #[must_use]
    pub fn needs_no_accept(self) -> bool {
        self.rank() < 2
    }

    /// Where a told status moves it: forward, or from one of the three that people set to another; never back.
    #[must_use]
    pub fn updated_to(self, other: Self) -> Self {
        if other.rank() == self.rank() {
            other
        } else {
            self.forward_to(other)
        }
    }

    /// The later of the two in the order; never moves back.
    #[must_use]
    pub fn forward_to(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }
}
