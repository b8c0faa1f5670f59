//! `/v1/deliveries`: the deliveries to every destination, and replays.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use super::show;
use crate::api::deliveries::{Delivery, DeliveryList, DeliveryParams, ReplayRequest, Replayed};
use crate::api::fields::Text;
use crate::domain::audit::AuditContext;
use crate::domain::delivery::DeliveryState;
use crate::store::{BulkReplayStart, DeliveryFilter, Error};
use crate::web::app::App;
use crate::web::input::{Body, Params};
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::path::{DeliveryId, Id};
use crate::web::problem::Problem;

/// The number of deliveries that a bulk replay makes pending before it answers.
const AT_ONCE_MAX: usize = 500;

/// List deliveries, newest first
#[utoipa::path(
    get,
    path = "/v1/deliveries",
    operation_id = "listDeliveries",
    tag = "deliveries",
    params(DeliveryParams),
    responses((status = 200, description = "Done.", body = DeliveryList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<DeliveryParams>,
) -> Result<Json<DeliveryList>, Problem> {
    let limit = params.limit;
    let filter = DeliveryFilter {
        destination: params.destination,
        state: params.state,
        event: params.event,
        before: List::Deliveries.start_number(params.cursor.as_deref())?,
    };
    let rows = app
        .store
        .view(move |r| r.deliveries(&filter, limit.get() + 1))
        .await?;
    let show = |d| show::delivery(&d);
    Ok(Json(List::Deliveries.page(
        rows,
        limit,
        |d| d.id.to_string(),
        show,
    )))
}

/// Send a delivery again
///
/// In any state. 409 if the person was erased: there is nothing left to send.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/replay",
    operation_id = "replayDelivery",
    tag = "deliveries",
    params(("id" = String, Path, description = "The delivery.", min_length = 1, max_length = 64)),
    responses(
        (status = 202, description = "It is pending again, with the same event id.", body = Delivery),
        (status = 409),
    )
)]
pub async fn replay(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(DeliveryId(id)): Id<DeliveryId>,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let delivery = app.writes.replay_delivery(context, id).await?;
    Ok((StatusCode::ACCEPTED, Json(show::delivery(&delivery))))
}

/// Send all deliveries in a state again
#[utoipa::path(
    post,
    path = "/v1/deliveries/replay",
    operation_id = "replayDeliveries",
    tag = "deliveries",
    request_body = ReplayRequest,
    responses(
        (
            status = 202,
            description = "They are sent again. Up to 500 are pending already; more become pending in small steps, also after a \
                restart. A delivery that reaches the state later is not part of it.",
            body = Replayed
        ),
        (status = 404),
    )
)]
pub async fn replay_all(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Body(ReplayRequest { state, destination }): Body<ReplayRequest>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    let destination = destination.and_then(Text::non_empty);
    if let Some(name) = &destination
        && !app.config().destinations.iter().any(|d| d.name == *name)
    {
        return Err(Problem::not_found(format!(
            "There is no destination {name:?}."
        )));
    }
    // It runs in its own task, so that the replay begins even if the client hangs up while its size is counted.
    let replayed = tokio::spawn(begin_replay(app, context, state, destination))
        .await
        .map_err(|error| Error::Internal(error.to_string()))??;
    Ok((StatusCode::ACCEPTED, Json(Replayed { replayed })))
}

/// Returns the number of deliveries that are sent again. If they are many, they become pending in steps after this returns.
async fn begin_replay(
    app: App,
    context: AuditContext,
    state: DeliveryState,
    destination: Option<String>,
) -> Result<usize, Error> {
    let of = destination.clone();
    let count = app
        .store
        .view(move |r| r.count_replayable(state, of.as_deref()))
        .await?;
    let asked = app
        .writes
        .replay_deliveries(context, state, destination, AT_ONCE_MAX)
        .await?;
    Ok(match asked {
        BulkReplayStart::Finished(replayed) => replayed,
        BulkReplayStart::Begun => count,
    })
}
