//! Campaigns: groups of enrollments, with live counts.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use super::fields::{Span, TextPatch, WholeNumber, not_null};
use super::page::Page;
use crate::domain::campaign::CampaignStatus;
use crate::domain::ids::CampaignId;
use crate::domain::patch::Patch;

/// A named group of enrollments with its live counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "id": "camp_1", "name": "Founders Q2", "status": "running", "acceptWindow": "10d", "notAcceptedAfter": null,
    "schedule": {"timezone": "Europe/Berlin", "days": ["mon", "tue"], "start": "09:00", "end": "17:00", "jitter": "5m"},
    "dailyCap": null, "enrolled": 120, "invited": 100, "accepted": 31, "preConnected": 1, "replied": 4, "late": 2,
    "acceptRate": 0.30303, "medianSecondsToAccept": 86400
})))]
pub struct Campaign {
    pub id: CampaignId,
    pub name: Option<String>,
    pub status: CampaignStatus,
    /// An accept later than this after its invite is late.
    pub accept_window: Option<String>,
    /// An invite that is still open after this long is announced once.
    pub not_accepted_after: Option<String>,
    pub schedule: Option<Schedule>,
    /// Next steps per account and local day.
    pub daily_cap: Option<i64>,
    /// Enrollments.
    pub enrolled: u64,
    /// Enrollments with an invite.
    pub invited: u64,
    /// Enrollments with an accept, pre-connected ones included.
    pub accepted: u64,
    /// Enrollments that were connected before the invite.
    pub pre_connected: u64,
    /// Enrollments with a reply.
    pub replied: u64,
    /// Enrollments whose accept came late.
    pub late: u64,
    /// Accepted of invited, without pre-connected ones. Null without an invite.
    pub accept_rate: Option<f64>,
    /// From invite to accept, without pre-connected ones.
    #[serde(serialize_with = "without_zero_fraction")]
    #[schema(minimum = 0)]
    pub median_seconds_to_accept: Option<f64>,
}

/// Writes a number without a fraction as an integer.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a span of seconds fits, and only a whole one is cast"
)]
fn without_zero_fraction<S: Serializer>(number: &Option<f64>, s: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(n) if n.fract() == 0.0 => s.serialize_i64(*n as i64),
        _ => number.serialize(s),
    }
}

/// When the next step after an accept may go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// An IANA time zone.
    #[schema(min_length = 1, max_length = 64, examples("Europe/Berlin"))]
    pub timezone: String,
    /// The days on which next steps go out.
    #[schema(min_items = 1)]
    pub days: Vec<Day>,
    /// Local time of day, `HH:MM`.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub start: String,
    /// Local time of day. If it is before `start`, the hours run over midnight. If it equals `start`, they last all day.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub end: String,
    /// A random part of this is added.
    #[schema(min_length = 1, max_length = 64, examples("5m"))]
    pub jitter: Option<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A page of campaigns.
pub type CampaignList = Page<Campaign>;

/// A campaign to create or to change.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"id": "camp_1", "name": "Founders Q2", "status": "running", "acceptWindow": "10d"})))]
pub struct CampaignInput {
    pub id: CampaignId,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = CampaignStatus, required = false)]
    pub status: Option<CampaignStatus>,
    #[serde(default)]
    #[schema(inline, required = false)]
    pub name: TextPatch<500>,
    /// An accept later than this after its invite is late.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, examples("10d"))]
    pub accept_window: Patch<Span>,
    /// An invite that is still open after this long is announced once.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, examples("10d"))]
    pub not_accepted_after: Patch<Span>,
    #[serde(default)]
    #[schema(value_type = Option<Schedule>)]
    pub schedule: Patch<Value>,
    /// Next steps per account and local day.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1_000_000)]
    pub daily_cap: Patch<WholeNumber<1, 1_000_000>>,
}

/// A change to a campaign. A field that is left out keeps its value, `null` clears it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"status": "paused"})))]
pub struct CampaignPatch {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = CampaignStatus, required = false)]
    pub status: Option<CampaignStatus>,
    #[serde(default)]
    #[schema(inline, required = false)]
    pub name: TextPatch<500>,
    /// An accept later than this after its invite is late.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, examples("10d"))]
    pub accept_window: Patch<Span>,
    /// An invite that is still open after this long is announced once.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, examples("10d"))]
    pub not_accepted_after: Patch<Span>,
    #[serde(default)]
    #[schema(value_type = Option<Schedule>)]
    pub schedule: Patch<Value>,
    /// Next steps per account and local day.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1_000_000)]
    pub daily_cap: Patch<WholeNumber<1, 1_000_000>>,
}

impl CampaignInput {
    /// The id, and what is to change.
    #[must_use]
    pub fn split(self) -> (CampaignId, CampaignPatch) {
        let patch = CampaignPatch {
            status: self.status,
            name: self.name,
            accept_window: self.accept_window,
            not_accepted_after: self.not_accepted_after,
            schedule: self.schedule,
            daily_cap: self.daily_cap,
        };
        (self.id, patch)
    }
}
