//! `/v1/destinations`: where events go, whether each takes them, and trying one out.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::show;
use crate::config::Destination;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::{EventBody, EventType, TestData, event_id};
use crate::store::{DeliveryFilter, DestinationRow, Error, NewEvent, Reader};
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::page::{List, Page, Query};
use crate::web::problem::Problem;

/// One page, in the configuration's order.
///
/// # Errors
/// 422 for a parameter that can't be read; the store's.
pub async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let after = query.cursor(List::Destinations)?;
    let configured = app.config().destinations.clone();
    let begin = after.map_or(0, |name| {
        configured
            .iter()
            .position(|d| d.name == name)
            .map_or(configured.len(), |place| place + 1)
    });
    let rows: Vec<Destination> = configured.into_iter().skip(begin).collect();
    let shown = app
        .store
        .view(move |r| {
            let counts = counts(r)?;
            rows.iter()
                .map(|d| {
                    Ok((
                        d.name.clone(),
                        show_one(d, r.destination(&d.name)?.as_ref(), &counts),
                    ))
                })
                .collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    let page = Page::cut(
        List::Destinations,
        shown,
        limit,
        |row| row.0.clone(),
        |row| row.1,
    );
    Ok(Json(page).into_response())
}

/// Sends a `webhook.test` event through the real delivery path; it goes out even while the destination is stopped.
///
/// # Errors
/// 404; the store's.
pub async fn test(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    configured(&app, &name)?;
    let key = format!("webhook-test:{}", Uuid::new_v4());
    let now = app.clock.now();
    let body = EventBody::new(
        &key,
        EventType::Test,
        now,
        app.config().workspace_id.clone(),
        TestData {
            destination: name.clone(),
        },
    );
    let body = serde_json::to_string(&body).map_err(Error::from)?;
    let event = event_id(&key);
    let filter = DeliveryFilter {
        event: Some(event.clone()),
        ..DeliveryFilter::default()
    };
    let deliveries = app
        .store
        .write(move |tx| {
            tx.make_event(&NewEvent {
                dedupe_key: &key,
                event_type: EventType::Test,
                enrollment: None,
                body: &body,
                destinations: &[name],
                now,
            })?;
            tx.deliveries(&filter, 1)
        })
        .await?;
    let delivery = deliveries.first();
    let answer = json!({
        "eventId": event,
        "deliveryId": delivery.map(|d| d.id.to_string()),
        "delivery": delivery.map(show::delivery),
    });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// Starts a destination that its receiver had stopped (410).
///
/// # Errors
/// 404; the store's.
pub async fn enable(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let destination = configured(&app, &name)?;
    app.store
        .write(move |tx| tx.start_destination(&name))
        .await?;
    // Not in the write: webhooks would wait while the deliveries are counted.
    let shown = app
        .store
        .view(move |r| {
            let known = r.destination(&destination.name)?;
            Ok(show_one(&destination, known.as_ref(), &counts(r)?))
        })
        .await?;
    Ok(Json(shown).into_response())
}

fn configured(app: &App, name: &str) -> Result<Destination, Problem> {
    app.config()
        .destinations
        .iter()
        .find(|d| d.name == name)
        .cloned()
        .ok_or_else(|| {
            let name: String = name.chars().take(300).collect();
            Problem::not_found(format!("There is no destination {name:?}."))
        })
}

/// How many deliveries are in which state, by destination.
type Counts = BTreeMap<(String, DeliveryState), u64>;

fn counts(r: &Reader<'_>) -> Result<Counts, Error> {
    Ok(r.outbox_counts()?
        .into_iter()
        .map(|row| ((row.destination, row.state), row.count))
        .collect())
}

/// Never its url, its headers or its secrets.
fn show_one(d: &Destination, known: Option<&DestinationRow>, counts: &Counts) -> Value {
    let by_state: Map<String, Value> = DeliveryState::ALL
        .iter()
        .map(|state| {
            let count = counts.get(&(d.name.clone(), *state)).copied().unwrap_or(0);
            (state.to_string(), count.into())
        })
        .collect();
    let stopped_at = known.and_then(|row| row.stopped_at);
    json!({
        "name": d.name,
        "kind": d.kind.as_str(),
        "events": d.events,
        "stopped": stopped_at.is_some(),
        "stoppedAt": stopped_at,
        "stoppedReason": known.and_then(|row| row.stopped_reason.as_ref()),
        "deliveries": by_state,
    })
}
