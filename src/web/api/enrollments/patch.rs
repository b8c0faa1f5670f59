//! `PATCH /v1/enrollments/{id}`: a person sets the status.

use axum::extract::State;
use serde_json::json;

use crate::api::enrollments::{self as shapes, EnrollmentPatch};
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::ids::EnrollmentId;
use crate::store::Error;
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
    Id(id): Id<EnrollmentId>,
    Body(EnrollmentPatch { status }): Body<EnrollmentPatch>,
) -> Result<Json<shapes::Enrollment>, Problem> {
    let now = app.clock.now();
    let (e, changed) = app
        .reconciler
        .run(move |routine| {
            let tx = routine.tx;
            let mut e = tx
                .enrollment(&id)?
                .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
            allowed(&e, status)?;
            let changed = e.status != status;
            if changed {
                routine.reopened(&e, status)?;
                e.status = status;
                e.status_at = Some(now);
                tx.update_enrollment(&e)?;
                let told = json!({
                    "enrollmentId": e.id, "accountId": e.account, "campaignId": e.campaign, "status": e.status,
                });
                tx.record_change("stamp", &told, now)?;
            }
            Ok((e, changed))
        })
        .await?;
    if changed {
        app.wakes.steps.activate();
    }
    Ok(Json((&e).into()))
}

/// Refuses in words what the database would refuse too. See `docs/rules/stamping.md`.
fn allowed(e: &Enrollment, status: Status) -> Result<(), Error> {
    if e.accept.is_none() && status.needs_accept() {
        return Err(Error::conflict(
            "not-accepted",
            format!(
                "{status} needs an accept, and there is none. Stamp it by hand if you know better."
            ),
        ));
    }
    if e.accept.is_some() && status.needs_no_accept() {
        return Err(Error::conflict(
            "already-accepted",
            format!("It has been accepted, so it can't be {status} again."),
        ));
    }
    Ok(())
}
