//! Signals: the evidence that every source hands to the stamping routine. See `docs/rules/signals.md`.

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

/// A provider's event id, with everything within which it is unique. A second event with the same reference is a duplicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRef {
    /// The provider that sent the event.
    pub provider: Provider,
    /// The event type in the provider's words.
    pub event_type: String,
    /// The lead (SendPilot) or account (Unipile) it is about.
    pub subject: String,
    /// The event id that the provider gave.
    pub id: String,
}

/// Who or what a signal is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A person. The matching enrollments have to be found.
    Person,
    /// One enrollment, named by its id.
    Enrollment(EnrollmentId),
}

/// How long evidence about a person is kept and tried again for enrollments that appear or gain an identity later.
pub const EVIDENCE_RETRY_WINDOW: Duration = Duration::from_secs(7 * 86_400);

/// What a signal says about the person. It is used to find the enrollment and to fill in what the enrollment lacks.
///
/// It is stored as JSON. A field that is missing in a stored value gets its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The ids that name the person.
    pub identity: Identity,
    /// Full name.
    pub name: Option<String>,
    /// LinkedIn headline.
    pub headline: Option<String>,
}

/// What a signal claims to have happened.
///
/// It is stored as JSON. A field that is missing in a stored value gets its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// The evidence's own time. The stamp checks whether it is plausible. Without one, the time of the first receipt counts.
    pub at: Option<Timestamp>,
    /// How precisely `at` gives the time of the accept. `Exact` without a plausible `at` becomes `UpperBound`.
    pub precision: Precision,
    /// Whether it is also a reply of the prospect at the same time.
    pub reply: bool,
    /// A status to move to, in addition to what the accept or the reply sets.
    pub status: Option<Status>,
    /// Whether the accept is `preConnected` if no invite time is known. This holds for `already_connected`, a reply, a
    /// resync and `message.sent`, because each of them requires an existing connection.
    pub presumes_connection: bool,
    /// A keyed hash. If set, the evidence counts only for an enrollment whose recorded note has this hash. It is set for
    /// messages of the account itself that may be a note echo.
    pub only_if_note: Option<String>,
    /// The first 400 characters of a reply, if the configuration keeps them. Never stored in the ledger.
    #[serde(skip)]
    pub preview: Option<String>,
}

impl Default for Claim {
    fn default() -> Self {
        Self::of(None, Precision::UpperBound)
    }
}

impl Claim {
    /// Claims a connection since `at`, and nothing else.
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
    /// The source it came from.
    pub source: Source,
    /// The account that received it.
    pub account: AccountId,
    /// When acceptd received it for the first time.
    pub received_at: Timestamp,
    /// The person or enrollment it is about.
    pub subject: Subject,
    /// What is known about the person.
    pub person: Person,
    /// What it claims to have happened.
    pub claim: Claim,
    /// The provider's body as JSON, without the text of any message.
    pub raw: String,
}

/// The longest preview of a reply that `keep_message_text` keeps, in characters.
pub const PREVIEW_CHARS_MAX: usize = 400;
