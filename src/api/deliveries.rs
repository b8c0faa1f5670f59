//! Deliveries: events on their way to destinations.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::fields::Text;
use super::page::{Limit, Page};
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;

/// One event on its way to one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "id": "1", "eventId": "evt_6230ed2a-29b1-53a0-8485-0faacea0763b", "eventType": "linkedin.invite_accepted",
    "destination": "crm", "state": "delivered", "attempts": 1, "nextAttemptAt": null, "lastStatus": 200, "lastError": null,
    "createdAt": "2026-05-02T15:14:08.120Z", "deliveredAt": "2026-05-02T15:14:08.310Z"
})))]
pub struct Delivery {
    pub id: String,
    pub event_id: String,
    pub event_type: EventType,
    pub destination: String,
    pub state: DeliveryState,
    /// The number of attempts since it was made or replayed.
    pub attempts: u32,
    pub next_attempt_at: Option<Timestamp>,
    /// The status of the last answer.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub delivered_at: Option<Timestamp>,
}

/// A page of deliveries.
pub type DeliveryList = Page<Delivery>;

/// Which deliveries to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct DeliveryParams {
    /// Only those to this destination.
    pub destination: Option<String>,
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// Only those of this event id.
    pub event: Option<String>,
    /// The largest number of items in one page.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// The `cursor` of the page before.
    #[param(min_length = 1, max_length = 1024)]
    pub cursor: Option<String>,
}

/// Which deliveries to send again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"state": "dead"})))]
pub struct ReplayRequest {
    pub state: DeliveryState,
    /// Only those of this destination.
    #[schema(value_type = Option<String>, max_length = 256)]
    pub destination: Option<Text<256>>,
}

/// The size of a bulk replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"replayed": 3})))]
pub struct Replayed {
    /// The number of deliveries that are sent again.
    pub replayed: usize,
}
