//! Events of API v2 on their way out: signed with the endpoint's secret, and sent again until any 2xx answers.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Client;
use sha2::Sha256;

use super::events::V2Event;
use super::state::{Conversation, Endpoint};
use crate::domain::time::Timestamp;
use crate::sim::deliveries::{Delivery, DeliveryState};
use crate::sim::server::Shared;

/// Sends an event to every endpoint that wants it, each in a task of its own. `after` is the wait before the first attempt.
pub(in crate::sim) fn fire(shared: &Shared, http: &Client, event: &V2Event, after: Duration) {
    let mut state = shared.lock();
    let wanted: Vec<_> = state
        .v2
        .endpoints
        .iter()
        .filter(|endpoint| wants(endpoint, event))
        .cloned()
        .collect();
    for endpoint in wanted {
        let dropped = state.drop_webhooks;
        let place = state.deliveries.len();
        state.deliveries.push(Delivery {
            webhook_id: endpoint.id.clone(),
            account: event.account.clone(),
            body: event.body.clone(),
            attempts: Vec::new(),
            state: if dropped {
                DeliveryState::Dropped
            } else {
                DeliveryState::Pending
            },
        });
        if !dropped {
            let due = shared.clock.now().plus(after);
            let (shared, http, event) = (shared.clone(), http.clone(), event.clone());
            tokio::spawn(async move { deliver(shared, http, endpoint, event, place, due).await });
        }
    }
}

fn wants(endpoint: &Endpoint, event: &V2Event) -> bool {
    endpoint.enabled
        && endpoint.trigger_events.contains(&event.name)
        && (endpoint.account_ids.is_empty() || endpoint.account_ids.contains(&event.account_id))
}

/// The value of `unipile-signature` for a body that is sent at a time.
fn signature(secret: &str, at: Timestamp, body: &str) -> String {
    let seconds = at.0 / 1_000;
    // A key of any length is allowed.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{seconds}.{body}").as_bytes());
    let hex = hex::encode(mac.finalize().into_bytes());
    format!("t={seconds},v0={hex}")
}

async fn deliver(
    shared: Shared,
    http: Client,
    endpoint: Endpoint,
    event: V2Event,
    place: usize,
    mut due: Timestamp,
) {
    let retries = shared.lock().settings.webhook_retries.clone();
    let mut waits = retries.into_iter();
    let body = event.body.to_string();
    let mut first_attempt = true;
    loop {
        shared.clock.sleep_until(due).await;
        let at = shared.clock.now();
        let request = http
            .post(&endpoint.url)
            .header("content-type", "application/json")
            .header("unipile-signature", signature(&endpoint.secret, at, &body))
            .body(body.clone());
        shared.lock().on_the_wire += 1;
        let answer = request.send().await.ok();
        let status = answer.map(|answer| answer.status().as_u16());
        let next = waits.next();
        let state = match (status, next) {
            (Some(200..=299), _) => DeliveryState::Delivered,
            (_, Some(_)) => DeliveryState::Pending,
            (_, None) => DeliveryState::GivenUp,
        };
        {
            let mut all = shared.lock();
            all.on_the_wire -= 1;
            let number = all.fresh();
            all.v2.conversations.push(Conversation {
                id: format!("wc_{number:026}"),
                event_id: event.body["id"].as_str().unwrap_or_default().to_owned(),
                event_type: event.name.clone(),
                endpoint_id: endpoint.id.clone(),
                created_at: at,
                first_attempt,
                http_status: status,
            });
            let delivery = &mut all.deliveries[place];
            delivery.attempts.push((at, status));
            delivery.state = state;
        }
        first_attempt = false;
        match next {
            Some(wait) if state == DeliveryState::Pending => due = shared.clock.now().plus(wait),
            _ => return,
        }
    }
}
