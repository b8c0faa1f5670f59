//! `POST /v1/enrollments/{id}/stamp`: the support path, a person drives the one stamping routine by hand.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::ids::EnrollmentId;
use crate::domain::signal::{Claim, Person, Precision, Signal, Source, Subject};
use crate::store::Error;
use crate::web::api::show;
use crate::web::app::App;
use crate::web::json::{Json, object};
use crate::web::path::Id;
use crate::web::problem::Problem;

const REASON_CHARS_MAX: usize = 1_000;

/// Stamps, and answers with the enrollment as it stands then.
///
/// # Errors
/// 404; 422 for a time that can't be, or without a reason; the store's.
pub async fn stamp(
    State(app): State<App>,
    Id(id): Id<EnrollmentId>,
    body: Bytes,
) -> Result<Response, Problem> {
    let fields = object(&body)?;
    let at = fields.past_time("at", app.clock.now())?.flatten();
    let reason = fields
        .text("reason", REASON_CHARS_MAX)?
        .flatten()
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
    Ok(Json(show::enrollment(&e)).into_response())
}
