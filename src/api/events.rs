//! Outgoing events.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::Limit;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;

/// An outgoing fact, as the `webhook` destination receives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "id": "evt_6230ed2a-29b1-53a0-8485-0faacea0763b", "type": "linkedin.invite_accepted",
    "timestamp": "2026-05-02T15:14:08.120Z", "workspaceId": "ws_default",
    "data": {
        "dedupeKey": "li-accept:acc_1:enr_1", "enrollmentId": "enr_1", "linkedinAccountId": "acc_1", "campaignId": "camp_1",
        "campaignName": "Founders Q2",
        "prospect": {
            "name": "Ada Lovelace", "headline": null, "company": null,
            "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace", "publicIdentifier": "ada-lovelace", "providerId": null
        },
        "invitedAt": "2026-05-01T15:14:06.000Z", "acceptedAt": "2026-05-02T15:14:06.000Z", "acceptedAtPrecision": "exact",
        "detectedAt": "2026-05-02T15:14:08.120Z", "secondsToAccept": 86400, "source": "webhook", "path": "bridge",
        "viaSibling": false, "preConnected": false, "late": false, "backfill": false, "repliedAt": null, "nextStepAt": null
    }
})))]
pub struct Event {
    /// `evt_` and the UUIDv5 of the dedupe key.
    #[schema(pattern = "^evt_[0-9a-f-]{36}$")]
    pub id: String,
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When acceptd made the event.
    pub timestamp: Timestamp,
    pub workspace_id: String,
    /// Depends on the type: an accept, a reply or a step of one enrollment, an outage of one account, or a test.
    #[schema(value_type = Object, additional_properties = true)]
    pub data: Value,
}

/// A page of events, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// The bodies as they were stored, so that one of an earlier version is shown as it was sent.
    #[schema(value_type = Vec<Event>)]
    pub items: Vec<Value>,
    /// Pass it as `after` to go on. It is never null.
    #[schema(examples("djox"))]
    pub cursor: String,
}

/// Which events to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// An event id, or the last `cursor`. Empty or left out: from the beginning.
    #[param(max_length = 256)]
    pub after: Option<String>,
    /// The largest number of items in one page.
    #[param(inline, required = false)]
    pub limit: Limit,
}
