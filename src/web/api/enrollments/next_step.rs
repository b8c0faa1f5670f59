//! `POST /v1/enrollments/{id}/next-step`: queues the next step by hand. See `docs/rules/next-steps.md`.

use axum::Extension;
use axum::extract::State;

use crate::api::enrollments::Enrollment;
use crate::domain::audit::AuditContext;
use crate::domain::ids::EnrollmentId;
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Queue the next step by hand
///
/// For a late accept: the campaign's schedule finds the next valid slot. 409 if it is not accepted, has a step already, or the
/// campaign has no schedule. Answers with the enrollment as it stands afterwards.
#[utoipa::path(
    post,
    path = "/v1/enrollments/{id}/next-step",
    operation_id = "queueNextStep",
    tag = "enrollments",
    params(("id" = EnrollmentId, Path, description = "The enrollment.")),
    responses((status = 200, description = "Done.", body = Enrollment), (status = 409))
)]
pub async fn next_step(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(id): Id<EnrollmentId>,
) -> Result<Json<Enrollment>, Problem> {
    let e = app.writes.queue_next_step(context, id).await?;
    Ok(Json((&e).into()))
}
