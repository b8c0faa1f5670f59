//! `DELETE /v1/enrollments/{id}`: erases the person from every table; the dedupe keys stay.

use axum::extract::State;
use axum::http::StatusCode;

use crate::domain::ids::EnrollmentId;
use crate::web::app::App;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Erases.
///
/// # Errors
/// 404; the store's.
pub async fn delete(
    State(app): State<App>,
    Id(id): Id<EnrollmentId>,
) -> Result<StatusCode, Problem> {
    let now = app.clock.now();
    app.store
        .write(move |tx| tx.erase_enrollment(&id, now))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
