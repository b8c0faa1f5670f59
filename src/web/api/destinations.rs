//! `/v1/destinations`: where events go, tests, and starting a stopped destination.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use uuid::Uuid;

use super::show;
use crate::api::destinations::{
    DeliveryCounts, Destination, DestinationKind, DestinationList, TestStarted,
};
use crate::api::page::PageParams;
use crate::config;
use crate::domain::audit::AuditContext;
use crate::domain::delivery::DeliveryState;
use crate::reconcile::TestEvent;
use crate::store::{DestinationRow, Error, Reader};
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::problem::Problem;

/// List destinations
///
/// In the order of the configuration.
#[utoipa::path(
    get,
    path = "/v1/destinations",
    operation_id = "listDestinations",
    tag = "destinations",
    params(PageParams),
    responses((status = 200, description = "Done.", body = DestinationList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<PageParams>,
) -> Result<Json<DestinationList>, Problem> {
    let limit = params.limit;
    let after = List::Destinations.start(params.cursor.as_deref())?;
    let configured = app.config().destinations.clone();
    let begin = after.map_or(0, |name| {
        configured
            .iter()
            .position(|d| d.name == name)
            .map_or(configured.len(), |place| place + 1)
    });
    let rows: Vec<config::Destination> = configured.into_iter().skip(begin).collect();
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
    let page = List::Destinations.page(shown, limit, |row| row.0.clone(), |row| row.1);
    Ok(Json(page))
}

/// Send a test event through the real delivery path
///
/// It goes out even while the destination is stopped. A successful test starts the destination again.
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/test",
    operation_id = "testDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.", min_length = 1, max_length = 256)),
    responses((status = 202, description = "A `webhook.test` event is on its way.", body = TestStarted))
)]
pub async fn test(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<TestStarted>), Problem> {
    configured(&app, &name)?;
    let test = TestEvent {
        dedupe_key: format!("webhook-test:{}", Uuid::new_v4()),
        destination: name,
        workspace: app.config().workspace_id.clone(),
    };
    let event_id = test.event_id();
    let delivery = app.writes.test_destination(context, test).await?;
    let answer = TestStarted {
        event_id,
        delivery_id: Some(delivery.id.to_string()),
        delivery: Some(show::delivery(&delivery)),
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Start a destination that answered 410
#[utoipa::path(
    post,
    path = "/v1/destinations/{name}/enable",
    operation_id = "enableDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.", min_length = 1, max_length = 256)),
    responses((status = 200, description = "Done.", body = Destination))
)]
pub async fn enable(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Path(name): Path<String>,
) -> Result<Json<Destination>, Problem> {
    let destination = configured(&app, &name)?;
    app.writes.start_destination(context, name).await?;
    // Counted outside the write, because webhooks would wait for it.
    let shown = app
        .store
        .view(move |r| {
            let known = r.destination(&destination.name)?;
            Ok(show_one(&destination, known.as_ref(), &counts(r)?))
        })
        .await?;
    Ok(Json(shown))
}

fn configured(app: &App, name: &str) -> Result<config::Destination, Problem> {
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

/// The number of deliveries by destination and state.
type Counts = BTreeMap<(String, DeliveryState), u64>;

fn counts(r: &Reader<'_>) -> Result<Counts, Error> {
    Ok(r.outbox_counts()?
        .into_iter()
        .map(|row| ((row.destination, row.state), row.count))
        .collect())
}

/// Never shows the url, the headers or the secrets.
fn show_one(
    d: &config::Destination,
    known: Option<&DestinationRow>,
    counts: &Counts,
) -> Destination {
    let count = |state| counts.get(&(d.name.clone(), state)).copied().unwrap_or(0);
    let stopped_at = known.and_then(|row| row.stopped_at);
    Destination {
        name: d.name.clone(),
        kind: match d.kind {
            config::Kind::Slack => DestinationKind::Slack,
            config::Kind::Webhook => DestinationKind::Webhook,
            config::Kind::Sendpilot => DestinationKind::Sendpilot,
        },
        events: d.events.clone(),
        stopped: stopped_at.is_some(),
        stopped_at,
        stopped_reason: known.and_then(|row| row.stopped_reason.clone()),
        deliveries: DeliveryCounts {
            pending: count(DeliveryState::Pending),
            sending: count(DeliveryState::Sending),
            delivered: count(DeliveryState::Delivered),
            dead: count(DeliveryState::Dead),
            held: count(DeliveryState::Held),
        },
    }
}
