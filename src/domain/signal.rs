//! Evidence on its way in: what every source hands to the one stamping routine (contract sections 4 to 6).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enrollment::Status;
use super::identity::Identity;
use super::ids::{AccountId, EnrollmentId};
use super::provider::Provider;
use super::time::Timestamp;
use super::word_list::{UnknownWord, word_list};

/// Where a signal came from.
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
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Source>)]
pub enum Source {
    /// A provider's webhook about a new relation.
    Webhook,
    /// The relations list, read by the poller.
    Poll,
    /// A result of the sender's invite call; evidence when the provider says the two are already connected.
    AlreadyConnected,
    /// A message that the prospect wrote.
    Reply,
    /// The invite's note, seen as the first message of the chat.
    NoteEcho,
    /// Any SendPilot event.
    Sendpilot,
    /// The profile of one prospect, requested by a resync.
    Resync,
    /// A person, through the API or the command line.
    Manual,
}

word_list!(Source);

/// How a signal was matched to an enrollment, strongest first. See `docs/rules/signals.md`.
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
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Path>)]
pub enum Path {
    /// The recorded invite names the person.
    Bridge,
    /// The enrollment's own provider id or number.
    Direct,
    /// The member number in the Sales Navigator or Recruiter id that the enrollment came with.
    SalesNav,
    /// The public identifier.
    Profile,
}

word_list!(Path);

/// How well the time of an accept is known. See `docs/rules/stamping.md`.
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
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Precision>)]
pub enum Precision {
    /// The provider reported when it happened.
    Exact,
    /// It happened at or before this time.
    UpperBound,
    /// It is inferred from something that requires a connection.
    Inferred,
}

word_list!(Precision);

/// What a signal led to. See `docs/rules/signals.md`.
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
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Outcome>)]
pub enum Outcome {
    /// It wrote `accepted_at` or `replied_at`.
    Stamped,
    /// Every enrollment that it matches was already stamped.
    AlreadyStamped,
    /// No enrollment matches the person yet.
    Unmatched,
    /// Enrollments of several sibling accounts match the person.
    Ambiguous,
    /// The provider sent the same event id before.
    Duplicate,
    /// It is not evidence.
    Ignored,
    /// It is kept although it proves nothing.
    Recorded,
}

word_list!(Outcome);

/// What an event id of a provider is unique within (contract section 4, the last row of the table).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRef {
    /// Whose event.
    pub provider: Provider,
    /// The provider's own name of the event type.
    pub event_type: String,
    /// The lead (SendPilot) or account (Unipile) it is about.
    pub subject: String,
    /// The provider's id.
    pub id: String,
}

/// Who or what a signal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A person who has to be found among the enrollments.
    Person,
    /// An enrollment, by its id.
    Enrollment(EnrollmentId),
}

/// How long evidence about a person is tried again for enrollments that appear or gain an identity later.
pub const EVIDENCE_RETRY_WINDOW: Duration = Duration::from_secs(7 * 86_400);

/// What is known of the person, to find the enrollment by and to fill in what it lacks. It is stored: a field that is missing
/// where it is read again has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The ids.
    pub identity: Identity,
    /// Full name.
    pub name: Option<String>,
    /// LinkedIn headline.
    pub headline: Option<String>,
}

/// What a piece of evidence says. It is stored: a field that is missing where it is read again has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// The evidence's own time, not yet checked for plausibility. Without one, its first receipt counts.
    pub at: Option<Timestamp>,
    /// How well `at` tells the time of the accept. `Exact` without a plausible `at` becomes `UpperBound`.
    pub precision: Precision,
    /// Whether it is also a reply of the prospect, at the same time.
    pub reply: bool,
    /// A status beyond what the accept or the reply brings.
    pub status: Option<Status>,
    /// Whether a connection that has no known invite must be older than any invite of ours: `already_connected`, a reply,
    /// a resync, `message.sent` (contract section 6, `preConnected`).
    pub presumes_connection: bool,
    /// Whether the evidence counts only where the recorded note has this keyed hash (an own message that may be a note echo).
    pub only_if_note: Option<String>,
    /// The first 400 characters of a reply, only where the configuration keeps them. Never stored in the ledger.
    #[serde(skip)]
    pub preview: Option<String>,
}

impl Default for Claim {
    fn default() -> Self {
        Self::of(None, Precision::UpperBound)
    }
}

impl Claim {
    /// That they are connected since `at`, and nothing else.
    #[must_use]
    pub fn of(at: Option<Timestamp>, precision: Precision) -> Self {
        Self {
            at,
            precision,
            reply: false,
            status: None,
            presumes_connection: false,
            only_if_note: None,
            preview: None,
        }
    }
}

/// One piece of evidence that an account and a person are connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Where it came from.
    pub source: Source,
    /// The account it came to.
    pub account: AccountId,
    /// When acceptd received it first.
    pub received_at: Timestamp,
    /// Whom it is about.
    pub subject: Subject,
    /// What is known of the person.
    pub person: Person,
    /// What it says.
    pub claim: Claim,
    /// The provider's body, a JSON text without the text of any message.
    pub raw: String,
}

/// The longest preview of a reply, in characters (contract section 3, `keep_message_text`).
pub const PREVIEW_CHARS_MAX: usize = 400;
