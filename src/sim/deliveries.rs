//! Webhooks on their way out: really sent, and again until the receiver answers exactly 200.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use serde_json::Value;

use super::events::Event;
use super::server::Shared;
use crate::domain::time::Timestamp;

/// A registered webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The provider's id of it.
    pub id: String,
    /// `users`, `messaging` or `account_status`.
    pub source: String,
    /// The name it was given.
    pub name: String,
    /// Where it sends to.
    pub request_url: String,
    /// Whether it sends.
    pub enabled: bool,
    /// What it sends.
    pub events: Vec<String>,
    /// For which accounts; empty for all.
    pub account_ids: Vec<String>,
    /// The static headers that go with it; the only ones.
    pub headers: Vec<(String, String)>,
}

impl Webhook {
    pub(super) fn cursor(&self) -> String {
        STANDARD.encode(&self.id)
    }

    fn wants(&self, event: &Event) -> bool {
        self.enabled
            && self.source == event.source
            && self.events.contains(&event.word)
            && (self.account_ids.is_empty() || self.account_ids.contains(&event.account))
    }
}

/// What became of one event for one webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The webhook.
    pub webhook_id: String,
    /// The account it is about.
    pub account: String,
    /// What was sent.
    pub body: Value,
    /// When it was tried, and the status that came back; `None` where nothing did.
    pub attempts: Vec<(Timestamp, Option<u16>)>,
    /// Where it stands.
    pub state: DeliveryState,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Being sent, or waiting to be sent again.
    Pending,
    /// Answered with 200.
    Delivered,
    /// Given up after the last try.
    GivenUp,
    /// Lost on purpose: webhooks were being dropped.
    Dropped,
}

/// Sends an event to every webhook that wants it, each in a task of its own. `after` is the wait before the first try.
pub(super) fn fire(shared: &Shared, http: &Client, event: &Event, after: Duration) {
    let mut state = shared.lock();
    let wanted: Vec<_> = state
        .webhooks
        .iter()
        .filter(|webhook| webhook.wants(event))
        .cloned()
        .collect();
    for webhook in wanted {
        let mut body = event.body.clone();
        if body.get("event").is_some() {
            body["webhook_name"] = Value::from(webhook.name.clone());
        }
        let dropped = state.drop_webhooks;
        let place = state.deliveries.len();
        state.deliveries.push(Delivery {
            webhook_id: webhook.id.clone(),
            account: event.account.clone(),
            body: body.clone(),
            attempts: Vec::new(),
            state: if dropped {
                DeliveryState::Dropped
            } else {
                DeliveryState::Pending
            },
        });
        if !dropped {
            let due = shared.clock.now().plus(after);
            tokio::spawn(deliver(
                shared.clone(),
                http.clone(),
                webhook,
                body,
                place,
                due,
            ));
        }
    }
}

async fn deliver(
    shared: Shared,
    http: Client,
    webhook: Webhook,
    body: Value,
    place: usize,
    due: Timestamp,
) {
    let retries = shared.lock().settings.webhook_retries.clone();
    let mut waits = retries.into_iter();
    let mut due = due;
    loop {
        shared.clock.sleep_until(due).await;
        let at = shared.clock.now();
        let mut request = http.post(&webhook.request_url).body(body.to_string());
        for (key, value) in &webhook.headers {
            request = request.header(key, value);
        }
        shared.lock().on_the_wire += 1;
        let status = request
            .send()
            .await
            .ok()
            .map(|answer| answer.status().as_u16());
        let next = waits.next();
        let state = match (status, next) {
            // Exactly 200: neither 202 nor 204 will do.
            (Some(200), _) => DeliveryState::Delivered,
            (_, Some(_)) => DeliveryState::Pending,
            (_, None) => DeliveryState::GivenUp,
        };
        {
            let mut all = shared.lock();
            all.on_the_wire -= 1;
            let delivery = &mut all.deliveries[place];
            delivery.attempts.push((at, status));
            delivery.state = state;
        }
        match next {
            Some(wait) if state == DeliveryState::Pending => due = shared.clock.now().plus(wait),
            _ => return,
        }
    }
}
