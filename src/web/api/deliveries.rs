//! `/v1/deliveries`: what is on its way to whom, and sending it again.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::show;
use crate::domain::delivery::DeliveryState;
use crate::store::{BulkReplayStart, DeliveryFilter, Error};
use crate::web::app::App;
use crate::web::json::{Json, object};
use crate::web::page::{List, Page, Query};
use crate::web::path::{DeliveryId, Id};
use crate::web::problem::Problem;

const NAME_CHARS_MAX: usize = 256;
/// How many deliveries a bulk replay makes pending before it answers.
const AT_ONCE_MAX: usize = 500;

/// One page, newest first.
///
/// # Errors
/// 422 for a filter that can't be read; the store's.
pub async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let filter = DeliveryFilter {
        destination: query.text("destination")?,
        state: query.parsed::<DeliveryState>("state")?,
        event: query.text("event")?,
        before: query.number_cursor(List::Deliveries)?,
    };
    let rows = app
        .store
        .view(move |r| r.deliveries(&filter, limit + 1))
        .await?;
    let page = Page::cut(
        List::Deliveries,
        rows,
        limit,
        |d| d.id.to_string(),
        |d| show::delivery(&d),
    );
    Ok(Json(page).into_response())
}

/// Sends one again, whatever became of it.
///
/// # Errors
/// 404; 409 when the person was erased; the store's.
pub async fn replay(
    State(app): State<App>,
    Id(DeliveryId(id)): Id<DeliveryId>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let delivery = app
        .store
        .write(move |tx| {
            tx.replay_delivery(id, now)?;
            tx.delivery(id)?
                .ok_or_else(|| Error::not_found("delivery", &id.to_string()))
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(show::delivery(&delivery))).into_response())
}

/// Sends every delivery in a state again, of one destination or all.
///
/// # Errors
/// 404 for an unknown destination; 422 for a field that can't be read; the store's.
pub async fn replay_all(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    let fields = object(&body)?;
    let state: DeliveryState = fields.required("state", str::parse)?;
    let destination = fields.text("destination", NAME_CHARS_MAX)?.flatten();
    if let Some(name) = &destination
        && !app.config().destinations.iter().any(|d| d.name == *name)
    {
        return Err(Problem::not_found(format!(
            "There is no destination {name:?}."
        )));
    }
    // In a task of its own, so that the replay is begun even if the client hangs up while its size is counted.
    let replayed = tokio::spawn(begin_replay(app, state, destination))
        .await
        .map_err(|error| Error::Internal(error.to_string()))??;
    Ok((StatusCode::ACCEPTED, Json(json!({"replayed": replayed}))).into_response())
}

/// Returns how many deliveries are sent again. Many are made pending in steps after this has returned.
async fn begin_replay(
    app: App,
    state: DeliveryState,
    destination: Option<String>,
) -> Result<usize, Error> {
    let of = destination.clone();
    let count = app
        .store
        .view(move |r| r.count_replayable(state, of.as_deref()))
        .await?;
    let now = app.clock.now();
    let asked = app
        .store
        .write(move |tx| tx.start_bulk_replay(state, destination.as_deref(), now, AT_ONCE_MAX))
        .await?;
    Ok(match asked {
        BulkReplayStart::Finished(replayed) => replayed,
        BulkReplayStart::Begun => count,
    })
}
