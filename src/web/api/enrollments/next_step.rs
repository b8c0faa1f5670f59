//! `POST /v1/enrollments/{id}/next-step`: a person queues the next step, say of a late accept (contract section 12).

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::domain::ids::EnrollmentId;
use crate::web::api::show;
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Queues it for the next valid slot, and answers with the enrollment as it stands then.
///
/// # Errors
/// 404; 409 when it was not accepted, has a step already, or its campaign has no schedule; the store's.
pub async fn next_step(
    State(app): State<App>,
    Id(id): Id<EnrollmentId>,
) -> Result<Response, Problem> {
    let e = app
        .reconciler
        .run(move |routine| routine.queue_next_step(&id))
        .await?;
    Ok(Json(show::enrollment(&e)).into_response())
}
