//! `POST /v1/enrollments/{id}/stamp`: a person drives the stamping routine by hand, for support.

use axum::Extension;
use axum::extract::State;

use crate::api::enrollments::{Enrollment, StampRequest};
use crate::domain::audit::AuditContext;
use crate::domain::ids::EnrollmentId;
use crate::web::app::App;
use crate::web::input::Body;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Stamp by hand
///
/// Drives the one stamping routine with source `manual`. Stamping an accepted enrollment changes nothing. Answers with the
/// enrollment as it stands afterwards.
#[utoipa::path(
    post,
    path = "/v1/enrollments/{id}/stamp",
    operation_id = "stampEnrollment",
    tag = "enrollments",
    params(("id" = EnrollmentId, Path, description = "The enrollment.")),
    request_body = StampRequest,
    responses((status = 200, description = "Done.", body = Enrollment), (status = 409))
)]
pub async fn stamp(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(id): Id<EnrollmentId>,
    Body(request): Body<StampRequest>,
) -> Result<Json<Enrollment>, Problem> {
    let now = app.clock.now();
    let at = request.at.map(|at| at.until(now, "at")).transpose()?;
    let reason = request
        .reason
        .non_empty()
        .ok_or_else(|| Problem::invalid("reason", "Say why: the reason goes into the ledger."))?;
    let e = app.writes.stamp_by_hand(context, id, at, reason).await?;
    Ok(Json((&e).into()))
}
