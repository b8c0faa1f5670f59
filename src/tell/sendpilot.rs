//! Events in SendPilot's own format, for handlers that were written for SendPilot's webhooks.

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

/// Makes SendPilot's `connection.accepted` from an accept. As in SendPilot's webhooks, `timestamp` is the time of detection.
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

/// Makes a `webhook.test` in SendPilot's envelope. A handler for SendPilot ignores it, because it does not know the type.
pub fn test(event: &EventBody<TestData>) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Envelope {
        event_id: &event.id,
        event_type: "webhook.test",
        timestamp: event.timestamp,
        workspace_id: &event.workspace_id,
        data: &event.data,
    })
}
