//! Enrollments, and what callers report about them.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{OneOfBuilder, Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::deliveries::Delivery;
use super::fields::{PastTime, Text, TextPatch, WholeNumber, not_null};
use super::page::{Limit, Page};
use super::signals::Signal;
use crate::domain::enrollment::{self, Status};
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::patch::Patch;
use crate::domain::signal::{Path, Precision, Source};
use crate::domain::time::Timestamp;

/// One prospect in one campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "id": "enr_1", "accountId": "acc_1", "campaignId": "camp_1", "status": "CONNECTION_ACCEPTED", "name": "Ada Lovelace",
    "headline": "Analyst", "company": null, "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace",
    "publicIdentifier": "ada-lovelace", "providerId": "ACoAAAcDMMQBODyLwZrRcgYhrkCafURGqva0U4E", "memberNumber": 117649604,
    "invitedAt": "2026-05-01T15:14:06.000Z", "acceptedAt": "2026-05-02T15:14:06.000Z", "acceptedAtPrecision": "exact",
    "detectedAt": "2026-05-02T15:14:08.120Z", "repliedAt": null, "source": "webhook", "path": "bridge", "viaSibling": false,
    "preConnected": false, "late": false, "backfill": false, "nextStepAt": null, "secondsToAccept": 86400,
    "createdAt": "2026-05-01T15:00:00.000Z"
})))]
pub struct Enrollment {
    pub id: EnrollmentId,
    pub account_id: AccountId,
    pub campaign_id: CampaignId,
    pub status: Status,
    pub name: Option<String>,
    pub headline: Option<String>,
    pub company: Option<String>,
    /// The URL that the caller gave, or one made from the public identifier.
    pub linkedin_url: Option<String>,
    /// The public identifier in the form in which it is compared.
    pub public_identifier: Option<String>,
    pub provider_id: Option<String>,
    /// The member number, where it is known.
    pub member_number: Option<i64>,
    /// When the invite was sent.
    pub invited_at: Option<Timestamp>,
    /// When it was accepted. Set once, never changed.
    pub accepted_at: Option<Timestamp>,
    pub accepted_at_precision: Option<Precision>,
    /// When acceptd stamped it.
    pub detected_at: Option<Timestamp>,
    /// When the first reply came.
    pub replied_at: Option<Timestamp>,
    /// Where the signal that stamped it came from.
    pub source: Option<Source>,
    /// How that signal was tied to the enrollment.
    pub path: Option<Path>,
    /// Whether the signal came to a sibling account.
    pub via_sibling: bool,
    /// Whether the two were connected before the invite.
    pub pre_connected: bool,
    /// Whether the accept came when the campaign no longer waited for it.
    pub late: bool,
    /// Whether the accept was old news when it was found.
    pub backfill: bool,
    /// When the next step is due, where one is queued.
    pub next_step_at: Option<Timestamp>,
    /// From invite to accept. Null if pre-connected or unknown.
    #[schema(minimum = 0)]
    pub seconds_to_accept: Option<i64>,
    /// When it was enrolled.
    pub created_at: Timestamp,
}

impl From<&enrollment::Enrollment> for Enrollment {
    fn from(e: &enrollment::Enrollment) -> Self {
        let accept = e.accept.as_ref();
        let identity = &e.identity;
        let provider_id = identity
            .provider_id
            .as_ref()
            .or(e.invite.provider_id.as_ref())
            .or(identity.sales_id.as_ref());
        Self {
            id: e.id.clone(),
            account_id: e.account.clone(),
            campaign_id: e.campaign.clone(),
            status: e.status,
            name: e.name.clone(),
            headline: e.headline.clone(),
            company: e.company.clone(),
            linkedin_url: e.linkedin_url.clone().or_else(|| identity.profile_url()),
            public_identifier: identity.public_identifier.clone(),
            provider_id: provider_id.cloned(),
            member_number: identity.number(),
            invited_at: e.invite.at,
            accepted_at: accept.map(|a| a.at),
            accepted_at_precision: accept.map(|a| a.precision),
            detected_at: accept.map(|a| a.detected_at),
            replied_at: e.replied_at,
            source: accept.map(|a| a.source),
            path: accept.and_then(|a| a.path),
            via_sibling: accept.is_some_and(|a| a.via_sibling),
            pre_connected: accept.is_some_and(|a| a.pre_connected),
            late: accept.is_some_and(|a| a.late),
            backfill: accept.is_some_and(|a| a.backfill),
            next_step_at: e.next_step_at,
            seconds_to_accept: e.seconds_to_accept(),
            created_at: e.created_at,
        }
    }
}

/// An enrollment with its signals and deliveries, both oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentDetail {
    #[serde(flatten)]
    pub enrollment: Enrollment,
    pub signals: Vec<Signal>,
    pub deliveries: Vec<Delivery>,
}

/// A page of enrollments.
pub type EnrollmentList = Page<Enrollment>;

/// Which enrollments to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct EnrollmentParams {
    /// Only those of this campaign.
    pub campaign: Option<CampaignId>,
    /// Only those of this account.
    pub account: Option<AccountId>,
    /// Only those with this status.
    pub status: Option<Status>,
    /// Only those stamped by this path.
    pub path: Option<Path>,
    /// Only those with (or without) an accept.
    pub connected: Option<bool>,
    /// Only those whose accept was (or was not) late.
    pub late: Option<bool>,
    /// A part of the id, the name, the company or the public identifier. Case does not matter, in any script.
    #[param(max_length = 256)]
    pub q: Option<String>,
    /// The largest number of items in one page.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// The `cursor` of the page before.
    #[param(min_length = 1, max_length = 1024)]
    pub cursor: Option<String>,
}

/// How to show one enrollment or signal.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RawParams {
    /// Whether the providers' bodies are part of the answer.
    #[param(value_type = Option<bool>)]
    pub raw: bool,
}

/// One row of an upsert. A new one needs an `accountId`. A field that is left out keeps its value, `null` clears it. A row that
/// does not fit this schema is a failed row of a `200`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "id": "enr_1", "accountId": "acc_1", "campaignId": "camp_1", "campaignName": "Founders Q2",
    "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace", "name": "Ada Lovelace"
})))]
pub struct EnrollmentInput {
    pub id: EnrollmentId,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = AccountId, required = false)]
    pub account_id: Option<AccountId>,
    #[serde(default)]
    #[schema(value_type = Option<CampaignId>)]
    pub campaign_id: Patch<CampaignId>,
    /// The campaign's name.
    #[serde(default)]
    #[schema(inline, required = false)]
    pub campaign_name: TextPatch<500>,
    /// Any LinkedIn profile, Sales Navigator or Recruiter URL, or a bare public identifier. A placeholder as the whole value
    /// (`none`, `null`, `n/a`, `na`, `nil`, `unknown`, `undefined` or `-`, in any case) counts as null.
    #[serde(default)]
    #[schema(inline, required = false)]
    pub linkedin_url: TextPatch<2048>,
    /// The provider's id of the person (`ACo…`, `ACw…`, `AEM…`). A placeholder counts as null, as in `linkedinUrl`.
    #[serde(default)]
    #[schema(inline, required = false)]
    pub provider_id: TextPatch<512>,
    /// Full name.
    #[serde(default)]
    #[schema(inline, required = false)]
    pub name: TextPatch<1000>,
    /// LinkedIn headline.
    #[serde(default)]
    #[schema(inline, required = false)]
    pub headline: TextPatch<2000>,
    #[serde(default)]
    #[schema(inline, required = false)]
    pub company: TextPatch<1000>,
    /// When the invite was sent. Sets `CONNECTION_SENT` on a `PENDING` enrollment. Not before 2003; up to 5 minutes ahead count
    /// as now.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>)]
    pub invited_at: Patch<PastTime>,
    /// The invite's note. Only a keyed hash of it is kept.
    #[serde(default)]
    #[schema(inline, required = false)]
    pub note: TextPatch<4000>,
}

/// The most rows of one upsert.
const ROWS_MAX: usize = 1_000;

/// The rows of an upsert, each to be read by itself: one object, or an array of up to 1,000.
#[derive(Debug)]
pub struct EnrollmentRows(pub Vec<Value>);

impl<'de> Deserialize<'de> for EnrollmentRows {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let wrong = |what: &str| Err(D::Error::invalid_value(Unexpected::Str(""), &what));
        match Value::deserialize(d)? {
            Value::Array(rows) if rows.len() > ROWS_MAX => {
                wrong(&format!("an array of at most {ROWS_MAX} rows"))
            }
            Value::Array(rows) => Ok(Self(rows)),
            row @ Value::Object(_) => Ok(Self(vec![row])),
            _ => wrong("an object or an array of objects"),
        }
    }
}

impl PartialSchema for EnrollmentRows {
    fn schema() -> RefOr<Schema> {
        let row = Ref::from_schema_name(EnrollmentInput::name());
        OneOfBuilder::new()
            .item(row.clone())
            .item(ArrayBuilder::new().items(row).max_items(Some(ROWS_MAX)))
            .description(Some("One row, or many."))
            .examples([
                json!({
                    "id": "enr_1", "accountId": "acc_1", "campaignId": "camp_1", "campaignName": "Founders Q2",
                    "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace", "name": "Ada Lovelace"
                }),
                json!([
                    {"id": "enr_1", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace"},
                    {"id": "enr_2", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/grace-hopper"}
                ]),
            ])
            .into()
    }
}

impl ToSchema for EnrollmentRows {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((
            EnrollmentInput::name().into_owned(),
            EnrollmentInput::schema(),
        ));
        EnrollmentInput::schemas(schemas);
    }
}

/// The outcome of an upsert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "created": 1, "updated": 0, "unchanged": 0, "failed": 0,
    "results": [{"id": "enr_1", "outcome": "created", "noUsableIdentity": false, "error": null}]
})))]
pub struct UpsertResult {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub failed: usize,
    /// One result per row, in the order sent.
    pub results: Vec<UpsertRow>,
}

/// The outcome of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpsertRow {
    /// The row's id as it was sent; null if it had none.
    pub id: Option<String>,
    pub outcome: RowOutcome,
    /// Whether the row was stored with nothing that says who the person is, so that no signal can be tied to it.
    pub no_usable_identity: bool,
    pub error: Option<RowError>,
}

/// What an upsert did to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    Created,
    Updated,
    Unchanged,
    Failed,
}

/// Why a row failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// The field that is wrong.
    pub field: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

/// A status set by a person.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(examples(json!({"status": "OPPORTUNITY"})))]
pub struct EnrollmentPatch {
    pub status: Status,
}

/// A stamp by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"reason": "Confirmed on the phone"})))]
pub struct StampRequest {
    /// When it was accepted. Without it, now is the upper bound. Not before 2003; up to 5 minutes ahead count as now.
    #[schema(value_type = Option<Timestamp>)]
    pub at: Option<PastTime>,
    /// Why. The reason goes into the ledger.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: Text<1000>,
}

/// What a sender got from the provider for an invite.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "enrollmentId": "enr_1", "providerId": "ACoAAAcDMMQBODyLwZrRcgYhrkCafURGqva0U4E", "note": "Hi Ada", "httpStatus": 201,
    "response": {"object": "UserInvitationSent", "invitation_id": "7272"}
})))]
pub struct InviteResult {
    pub enrollment_id: EnrollmentId,
    /// The provider's id of the person the invite was sent to.
    #[schema(value_type = Option<String>, max_length = 512)]
    pub provider_id: Option<Text<512>>,
    /// The invite's note.
    #[schema(value_type = Option<String>, max_length = 4000)]
    pub note: Option<Text<4000>>,
    /// When the provider answered. Not before 2003; up to 5 minutes ahead count as now.
    #[schema(value_type = Option<Timestamp>)]
    pub at: Option<PastTime>,
    /// The provider's status.
    #[schema(inline)]
    pub http_status: WholeNumber<100, 599>,
    /// The provider's body, word for word: an object, its raw text, or null. Text that is JSON is read as JSON. An array, a number
    /// or a boolean is 422.
    #[schema(schema_with = provider_answer)]
    pub response: Value,
}

fn provider_answer() -> utoipa::openapi::Object {
    use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

    ObjectBuilder::new()
        .description(Some(
            "The provider's body, word for word: an object, its raw text, or null. Text that is JSON is read as JSON. An array, a \
             number or a boolean is 422.",
        ))
        .schema_type(SchemaType::from_iter([
            Type::Object,
            Type::String,
            Type::Null,
        ]))
        .build()
}
