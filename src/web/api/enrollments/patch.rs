//! `PATCH /v1/enrollments/{id}`: a person sets the status.

use axum::Extension;
use axum::extract::State;

use crate::api::enrollments::{self as shapes, EnrollmentPatch};
use crate::domain::audit::AuditContext;
use crate::domain::ids::EnrollmentId;
use crate::web::app::App;
use crate::web::input::Body;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Set the status
///
/// A status that contradicts the accept (`PENDING` of an accepted one, `REPLY_RECEIVED` of one that is not) answers 409.
#[utoipa::path(
    patch,
    path = "/v1/enrollments/{id}",
    operation_id = "setEnrollmentStatus",
    tag = "enrollments",
    params(("id" = EnrollmentId, Path, description = "The enrollment.")),
    request_body = EnrollmentPatch,
    responses((status = 200, description = "Done.", body = shapes::Enrollment), (status = 409))
)]
pub async fn patch(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(id): Id<EnrollmentId>,
    Body(EnrollmentPatch { status }): Body<EnrollmentPatch>,
) -> Result<Json<shapes::Enrollment>, Problem> {
    let e = app.writes.set_status(context, id, status).await?;
    Ok(Json((&e).into()))
}
