//! `PATCH /v1/enrollments/{id}`: the status, set by a person.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::ids::EnrollmentId;
use crate::store::Error;
use crate::web::api::show;
use crate::web::app::App;
use crate::web::json::{Json, object};
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Sets the status.
///
/// # Errors
/// 404; 409 for a status that the accept, or its absence, rules out; 422 for an unknown word; the store's.
pub async fn patch(
    State(app): State<App>,
    Id(id): Id<EnrollmentId>,
    body: Bytes,
) -> Result<Response, Problem> {
    let fields = object(&body)?;
    let status: Status = fields.required("status", str::parse)?;
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
    Ok(Json(show::enrollment(&e)).into_response())
}

/// What the database would refuse too (contract section 6), said in words.
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
