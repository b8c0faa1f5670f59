//! `/v1/signals`: the ledger of evidence, newest first.

use axum::extract::State;

use super::show;
use crate::api::signals::{Signal, SignalList, SignalParams};
use crate::store::{Error, SignalFilter};
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::path::{Id, SignalId};
use crate::web::problem::Problem;

/// List signals, newest first
///
/// The ledger of evidence: every signal with what it led to.
#[utoipa::path(
    get,
    path = "/v1/signals",
    operation_id = "listSignals",
    tag = "signals",
    params(SignalParams),
    responses((status = 200, description = "Done.", body = SignalList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<SignalParams>,
) -> Result<Json<SignalList>, Problem> {
    let (limit, raw) = (params.limit, params.raw);
    let filter = SignalFilter {
        outcome: params.outcome,
        source: params.source,
        account: params.account.map(String::from),
        before: List::Signals.start_number(params.cursor.as_deref())?,
    };
    let rows = app
        .store
        .view(move |r| r.signals(&filter, limit.get() + 1))
        .await?;
    let show = |s| show::signal(&s, raw);
    Ok(Json(List::Signals.page(
        rows,
        limit,
        |s| s.id.to_string(),
        show,
    )))
}

/// Get a signal with the provider's body
#[utoipa::path(
    get,
    path = "/v1/signals/{id}",
    operation_id = "getSignal",
    tag = "signals",
    params(("id" = String, Path, description = "The signal.", min_length = 1, max_length = 64)),
    responses((status = 200, description = "Done.", body = Signal))
)]
pub async fn get(
    State(app): State<App>,
    Id(SignalId(id)): Id<SignalId>,
) -> Result<Json<Signal>, Problem> {
    let signal = app
        .store
        .view(move |r| {
            r.signal(id)?
                .ok_or_else(|| Error::not_found("signal", &id.to_string()))
        })
        .await?;
    Ok(Json(show::signal(&signal, true)))
}
