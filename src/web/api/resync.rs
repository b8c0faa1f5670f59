//! Resyncs: of one prospect, of one account, of all (contract section 9).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::ids::{AccountId, EnrollmentId};
use crate::poll::resync;
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// `POST /v1/enrollments/{id}/resync`: promises one look at the prospect.
///
/// # Errors
/// 404; 409 when there is nothing to look for or nobody to ask; the store's.
pub async fn prospect(
    State(app): State<App>,
    Id(id): Id<EnrollmentId>,
) -> Result<Response, Problem> {
    let plan = app.plan();
    let promise = app
        .reconciler
        .run(move |routine| resync::request_profile(routine, &plan, &id))
        .await?;
    let body = json!({"resyncId": promise.resync_id, "dueAt": promise.due_at});
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// `POST /v1/accounts/{id}/resync`: a poll of the account is due now.
///
/// # Errors
/// 404; 409 when the account can't be called; the store's.
pub async fn account(State(app): State<App>, Id(id): Id<AccountId>) -> Result<Response, Problem> {
    let (plan, named) = (app.plan(), id.clone());
    let due = app
        .reconciler
        .run(move |routine| resync::request_poll(routine, &plan, &named))
        .await?;
    let body = json!({"accountId": id, "dueAt": due});
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// `POST /v1/resync`: a poll of every account is due now.
///
/// # Errors
/// 409 when no provider is configured; the store's.
pub async fn all(State(app): State<App>) -> Result<Response, Problem> {
    let plan = app.plan();
    let accounts = app
        .reconciler
        .run(move |routine| resync::request_all_polls(routine, &plan))
        .await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"accounts": accounts}))).into_response())
}
