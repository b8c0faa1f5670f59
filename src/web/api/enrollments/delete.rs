//! `DELETE /v1/enrollments/{id}`: erases a person.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use crate::domain::audit::AuditContext;
use crate::domain::ids::EnrollmentId;
use crate::web::app::App;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Erase a person
#[utoipa::path(
    delete,
    path = "/v1/enrollments/{id}",
    operation_id = "deleteEnrollment",
    tag = "enrollments",
    params(("id" = EnrollmentId, Path, description = "The enrollment.")),
    responses((
        status = 204,
        description = "Erased from every table, event bodies included. The dedupe keys stay, so that the same accept is not \
            announced again."
    ))
)]
pub async fn delete(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(id): Id<EnrollmentId>,
) -> Result<StatusCode, Problem> {
    app.writes.erase(context, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
