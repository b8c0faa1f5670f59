//! Outgoing facts: their bodies, their dedupe keys and the ids that follow from them (contract section 7).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{AccountId, CampaignId, EnrollmentId};
use super::signal::{Path, Precision, Source};
use super::time::Timestamp;
use super::word_list::{UnknownWord, word_list};

/// The types of outgoing events. See `docs/rules/deliveries.md`.
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
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<EventType>)]
pub enum EventType {
    /// An invitation was accepted.
    #[serde(rename = "linkedin.invite_accepted")]
    #[strum(serialize = "linkedin.invite_accepted")]
    InviteAccepted,
    /// The prospect's first reply.
    #[serde(rename = "linkedin.reply_received")]
    #[strum(serialize = "linkedin.reply_received")]
    ReplyReceived,
    /// An account stopped working. It is sent once per outage.
    #[serde(rename = "linkedin.account_disconnected")]
    #[strum(serialize = "linkedin.account_disconnected")]
    AccountDisconnected,
    /// The next step of a campaign is due.
    #[serde(rename = "linkedin.next_step_due")]
    #[strum(serialize = "linkedin.next_step_due")]
    NextStepDue,
    /// An invite stayed open longer than the campaign's `notAcceptedAfter`.
    #[serde(rename = "linkedin.invite_not_accepted")]
    #[strum(serialize = "linkedin.invite_not_accepted")]
    InviteNotAccepted,
    /// A test of a destination.
    #[serde(rename = "webhook.test")]
    #[strum(serialize = "webhook.test")]
    Test,
}

word_list!(EventType);

/// The event id that belongs to a dedupe key, for ever: `evt_` and the UUIDv5 (URL namespace) of the key.
#[must_use]
pub fn event_id(dedupe_key: &str) -> String {
    format!(
        "evt_{}",
        Uuid::new_v5(&Uuid::NAMESPACE_URL, dedupe_key.as_bytes()).hyphenated()
    )
}

/// The dedupe key of an event about one enrollment. `kind` is `accept`, `reply`, `step` or `open`.
fn enrollment_key(kind: &str, account: &AccountId, enrollment: &EnrollmentId) -> String {
    format!("li-{kind}:{account}:{enrollment}")
}

/// The dedupe key of an accept.
#[must_use]
pub fn accept_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("accept", account, enrollment)
}

/// The dedupe key of a first reply.
#[must_use]
pub fn reply_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("reply", account, enrollment)
}

/// The dedupe key of a next step (contract section 12).
#[must_use]
pub fn step_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("step", account, enrollment)
}

/// The dedupe key of an invite that stayed open (contract section 12).
#[must_use]
pub fn open_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("open", account, enrollment)
}

/// The dedupe key of one outage of one account.
#[must_use]
pub fn disconnected_key(account: &AccountId, outage_start: Timestamp) -> String {
    format!("li-disconnected:{account}:{}", outage_start.0)
}

/// The body of an event as the `webhook` destination and `GET /v1/events` show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBody<D> {
    /// `evt_…`, from the dedupe key.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When acceptd made the event.
    pub timestamp: Timestamp,
    /// The workspace of the account.
    pub workspace_id: String,
    /// By type.
    pub data: D,
}

impl<D> EventBody<D> {
    /// An event of this key, made at `timestamp`.
    pub fn new(
        dedupe_key: &str,
        event_type: EventType,
        timestamp: Timestamp,
        workspace_id: String,
        data: D,
    ) -> Self {
        Self {
            id: event_id(dedupe_key),
            event_type,
            timestamp,
            workspace_id,
            data,
        }
    }
}

/// Who an event is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prospect {
    /// Full name.
    pub name: Option<String>,
    /// LinkedIn headline.
    pub headline: Option<String>,
    /// Company, as the caller gave it.
    pub company: Option<String>,
    /// The URL the caller gave, or one made from the public identifier.
    pub linkedin_url: Option<String>,
    /// The public identifier, as it is compared.
    pub public_identifier: Option<String>,
    /// The provider's id.
    pub provider_id: Option<String>,
}

/// The data of `linkedin.invite_accepted`, `linkedin.reply_received`, `linkedin.next_step_due` and
/// `linkedin.invite_not_accepted`. Unknown is `null`, never missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteData {
    /// The key that makes the event unique.
    pub dedupe_key: String,
    /// The caller's id.
    pub enrollment_id: EnrollmentId,
    /// The account that invited.
    pub linkedin_account_id: AccountId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// The campaign's name, where it has one.
    pub campaign_name: Option<String>,
    /// The person.
    pub prospect: Prospect,
    /// When the invite was sent, where known.
    pub invited_at: Option<Timestamp>,
    /// When it was accepted. Only an invite that is still open has none.
    pub accepted_at: Option<Timestamp>,
    /// How well that is known.
    pub accepted_at_precision: Option<Precision>,
    /// When acceptd stamped it.
    pub detected_at: Option<Timestamp>,
    /// Whole seconds from invite to accept; null when pre-connected or unknown.
    pub seconds_to_accept: Option<i64>,
    /// The winning sign.
    pub source: Option<Source>,
    /// How it was tied to the enrollment.
    pub path: Option<Path>,
    /// Whether the sign came to a sibling account.
    pub via_sibling: bool,
    /// Whether the two were connected before the invite.
    pub pre_connected: bool,
    /// Whether it came when the campaign no longer waited for it.
    pub late: bool,
    /// Whether it is old news.
    pub backfill: bool,
    /// The first reply, where there is one.
    pub replied_at: Option<Timestamp>,
    /// When the next step is due, where one is queued (contract section 12).
    pub next_step_at: Option<Timestamp>,
    /// `linkedin.reply_received` only: the first 400 characters, null unless kept.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub message_preview: Option<Option<String>>,
}

/// The data of `linkedin.account_disconnected`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisconnectedData {
    /// The account.
    pub linkedin_account_id: AccountId,
    /// The provider's word or error type.
    pub reason: String,
    /// When the outage began.
    pub since: Timestamp,
    /// How many enrollments wait on it.
    pub open_enrollments: u64,
}

/// The data of `webhook.test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestData {
    /// The destination that is tested.
    pub destination: String,
}

/// Keeps "the field is there and null" apart from "the field is not part of this type".
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature serde asks for")]
    pub fn serialize<S: Serializer>(
        value: &Option<Option<String>>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().unwrap_or(&None).serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::<String>::deserialize(d).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_its_key_for_ever() {
        // Computed with Python's uuid.uuid5(uuid.NAMESPACE_URL, "li-accept:acc_1:enr_1").
        assert_eq!(
            event_id("li-accept:acc_1:enr_1"),
            "evt_6230ed2a-29b1-53a0-8485-0faacea0763b"
        );
    }
}
