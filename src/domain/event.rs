//! Outgoing events: types, bodies, dedupe keys and event ids. See `docs/rules/deliveries.md`.

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

/// Returns the event id of a dedupe key: `evt_` and the UUIDv5 of the key in the URL namespace. The same key always gives the
/// same id.
#[must_use]
pub fn event_id(dedupe_key: &str) -> String {
    format!(
        "evt_{}",
        Uuid::new_v5(&Uuid::NAMESPACE_URL, dedupe_key.as_bytes()).hyphenated()
    )
}

/// Builds the dedupe key of an event about one enrollment. `kind` is `accept`, `reply`, `step` or `open`.
fn enrollment_key(kind: &str, account: &AccountId, enrollment: &EnrollmentId) -> String {
    format!("li-{kind}:{account}:{enrollment}")
}

/// Returns the dedupe key of `linkedin.invite_accepted`.
#[must_use]
pub fn accept_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("accept", account, enrollment)
}

/// Returns the dedupe key of `linkedin.reply_received`.
#[must_use]
pub fn reply_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("reply", account, enrollment)
}

/// Returns the dedupe key of `linkedin.next_step_due`.
#[must_use]
pub fn step_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("step", account, enrollment)
}

/// Returns the dedupe key of `linkedin.invite_not_accepted`.
#[must_use]
pub fn open_key(account: &AccountId, enrollment: &EnrollmentId) -> String {
    enrollment_key("open", account, enrollment)
}

/// Returns the dedupe key of `linkedin.account_disconnected` for the outage that began at `outage_start`.
#[must_use]
pub fn disconnected_key(account: &AccountId, outage_start: Timestamp) -> String {
    format!("li-disconnected:{account}:{}", outage_start.0)
}

/// The body of an event, as a `webhook` destination and `GET /v1/events` show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBody<D> {
    /// The event id, derived from the dedupe key.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When acceptd made the event.
    pub timestamp: Timestamp,
    /// The workspace of the account.
    pub workspace_id: String,
    /// The data, whose shape depends on the type.
    pub data: D,
}

impl<D> EventBody<D> {
    /// Creates the event of a dedupe key at the time `timestamp`.
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

/// The person that an event is about.
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
    /// The public identifier in the form in which it is compared.
    pub public_identifier: Option<String>,
    /// The provider's id.
    pub provider_id: Option<String>,
}

/// The data of `linkedin.invite_accepted`, `linkedin.reply_received`, `linkedin.next_step_due` and
/// `linkedin.invite_not_accepted`. An unknown value is `null`, never missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteData {
    /// The key that makes the event unique.
    pub dedupe_key: String,
    /// The enrollment, by the id that the caller gave it.
    pub enrollment_id: EnrollmentId,
    /// The account that invited.
    pub linkedin_account_id: AccountId,
    /// The campaign of the enrollment.
    pub campaign_id: CampaignId,
    /// The name of the campaign, if it has one.
    pub campaign_name: Option<String>,
    /// The prospect.
    pub prospect: Prospect,
    /// When the invite was sent, if known.
    pub invited_at: Option<Timestamp>,
    /// When the invite was accepted. `None` only if it is still open.
    pub accepted_at: Option<Timestamp>,
    /// How well the time of the accept is known.
    pub accepted_at_precision: Option<Precision>,
    /// When acceptd stamped it.
    pub detected_at: Option<Timestamp>,
    /// Whole seconds from invite to accept. `None` if pre-connected or unknown.
    pub seconds_to_accept: Option<i64>,
    /// The source of the signal that stamped it.
    pub source: Option<Source>,
    /// How that signal was matched to the enrollment.
    pub path: Option<Path>,
    /// Whether that signal came to a sibling account.
    pub via_sibling: bool,
    /// Whether the two were connected before the invite.
    pub pre_connected: bool,
    /// Whether the campaign was not running, or its `acceptWindow` was over.
    pub late: bool,
    /// Whether the accept was already old when it was detected.
    pub backfill: bool,
    /// When the prospect replied first, if they did.
    pub replied_at: Option<Timestamp>,
    /// When the next step is due, if one is queued.
    pub next_step_at: Option<Timestamp>,
    /// Part of `linkedin.reply_received` only: the first 400 characters of the reply, or null if they are not kept.
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
    /// The number of open enrollments of the account.
    pub open_enrollments: u64,
}

/// The data of `webhook.test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestData {
    /// The destination that is tested.
    pub destination: String,
}

/// Tells a field that is null from a field that the event type does not have.
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
