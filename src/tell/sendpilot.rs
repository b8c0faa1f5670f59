//! An accept as SendPilot itself would have announced it, for handlers that were written for SendPilot (contract section 7).

use serde::Serialize;

use crate::domain::event::{EventBody, InviteData, TestData};
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::time::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a, D> {
    event_id: &'a str,
    event_type: &'static str,
    timestamp: Timestamp,
    workspace_id: &'a str,
    data: D,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    lead_id: &'a EnrollmentId,
    campaign_id: &'a CampaignId,
    linkedin_url: Option<String>,
    sender_id: &'a AccountId,
    accepted_at: Option<Timestamp>,
}

/// SendPilot's `connection.accepted`. `timestamp` is, as there, when the accept was detected.
///
/// # Errors
/// Those of serialization; there are none in practice.
pub fn accepted(event: &EventBody<InviteData>) -> Result<String, serde_json::Error> {
    let data = &event.data;
    serde_json::to_string(&Envelope {
        event_id: &event.id,
        event_type: "connection.accepted",
        timestamp: data.detected_at.unwrap_or(event.timestamp),
        workspace_id: &event.workspace_id,
        data: Accepted {
            lead_id: &data.enrollment_id,
            campaign_id: &data.campaign_id,
            linkedin_url: super::render::profile_url(&data.prospect),
            sender_id: &data.linkedin_account_id,
            accepted_at: data.accepted_at,
        },
    })
}

/// A `webhook.test` in SendPilot's envelope: its handlers ignore a type they don't know, which is what a test should lead to.
///
/// # Errors
/// Those of serialization; there are none in practice.
pub fn test(event: &EventBody<TestData>) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Envelope {
        event_id: &event.id,
        event_type: "webhook.test",
        timestamp: event.timestamp,
        workspace_id: &event.workspace_id,
        data: &event.data,
    })
}
