//! Destinations: where events go.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deliveries::Delivery;
use super::page::Page;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;

/// A destination of events. Its url, headers and secrets are never shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "name": "crm", "kind": "webhook", "events": ["linkedin.invite_accepted"], "stopped": false, "stoppedAt": null,
    "stoppedReason": null, "deliveries": {"pending": 0, "sending": 0, "delivered": 31, "dead": 0, "held": 0}
})))]
pub struct Destination {
    pub name: String,
    pub kind: DestinationKind,
    /// The types of events that it gets.
    pub events: Vec<EventType>,
    /// Whether it answered 410 and waits to be enabled.
    pub stopped: bool,
    pub stopped_at: Option<Timestamp>,
    pub stopped_reason: Option<String>,
    pub deliveries: DeliveryCounts,
}

/// The format in which a destination gets events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DestinationKind {
    /// Block Kit messages to an incoming webhook.
    Slack,
    /// The events of `GET /v1/events`, signed by Standard Webhooks.
    Webhook,
    /// Accepts in SendPilot's own form.
    Sendpilot,
}

/// The number of deliveries in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryCounts {
    pub pending: u64,
    pub sending: u64,
    pub delivered: u64,
    pub dead: u64,
    pub held: u64,
}

/// A page of destinations.
pub type DestinationList = Page<Destination>;

/// A test event on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "eventId": "evt_6230ed2a-29b1-53a0-8485-0faacea0763b", "deliveryId": "1",
    "delivery": {
        "id": "1", "eventId": "evt_6230ed2a-29b1-53a0-8485-0faacea0763b", "eventType": "webhook.test", "destination": "crm",
        "state": "pending", "attempts": 0, "nextAttemptAt": "2026-05-02T15:14:08.120Z", "lastStatus": null, "lastError": null,
        "createdAt": "2026-05-02T15:14:08.120Z", "deliveredAt": null
    }
})))]
pub struct TestStarted {
    pub event_id: String,
    pub delivery_id: Option<String>,
    pub delivery: Option<Delivery>,
}
