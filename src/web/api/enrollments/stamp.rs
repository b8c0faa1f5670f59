//! `POST /v1/enrollments/{id}/stamp`: a person drives the stamping routine by hand, for support.

use axum::extract::State;
use serde_json::json;

use crate::api::enrollments::{Enrollment, StampRequest};
use crate::domain::ids::EnrollmentId;
use crate::domain::signal::{Claim, Person, Precision, Signal, Source, Subject};
use crate::store::Error;
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
    Id(id): Id<EnrollmentId>,
    Body(request): Body<StampRequest>,
) -> Result<Json<Enrollment>, Problem> {
    let now = app.clock.now();
    let at = request.at.map(|at| at.until(now, "at")).transpose()?;
    let reason = request
        .reason
        .non_empty()
        .ok_or_else(|| Problem::invalid("reason", "Say why: the reason goes into the ledger."))?;
    let e = app
        .reconciler
        .run(move |routine| {
            let known = routine
                .tx
                .enrollment(&id)?
                .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
            let signal = Signal {
                source: Source::Manual,
                account: known.account,
                received_at: routine.now,
                subject: Subject::Enrollment(id.clone()),
                person: Person::default(),
                claim: Claim::of(at, Precision::Exact),
                raw: json!({"enrollmentId": id, "at": at, "reason": reason}).to_string(),
            };
            routine.apply(&signal, Some(&reason))?;
            routine
                .tx
                .enrollment(&id)?
                .ok_or_else(|| Error::not_found("enrollment", id.as_str()))
        })
        .await?;
    Ok(Json((&e).into()))
}
