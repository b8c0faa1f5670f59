//! `POST /v1/invite-results`: what the engine's own invite call got from the provider (contract section 5.4).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::show;
use crate::domain::ids::EnrollmentId;
use crate::reconcile::InviteResult;
use crate::web::app::App;
use crate::web::json::{Json, object};
use crate::web::problem::Problem;

const PROVIDER_ID_CHARS_MAX: usize = 512;
const NOTE_CHARS_MAX: usize = 4_000;

/// Records it, and answers with the enrollment as it stands then.
///
/// # Errors
/// 404 for an unknown enrollment; 422 for a field that can't be read; the store's.
pub async fn post(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    let mut fields = object(&body)?;
    let http_status = fields
        .integer("httpStatus", 100..=599)?
        .flatten()
        .and_then(|status| u16::try_from(status).ok())
        .ok_or_else(|| Problem::invalid("httpStatus", "httpStatus is needed."))?;
    if fields.value("response").is_none() {
        return Err(Problem::invalid(
            "response",
            "response is needed: what the provider answered, or null.",
        ));
    }
    let mut result = InviteResult {
        enrollment: fields.required("enrollmentId", EnrollmentId::parse)?,
        provider_id: fields.text("providerId", PROVIDER_ID_CHARS_MAX)?.flatten(),
        note: fields.text("note", NOTE_CHARS_MAX)?.flatten(),
        at: fields.past_time("at", app.clock.now())?.flatten(),
        http_status,
        response: Value::Null,
    };
    result.response = fields.take("response");
    let e = app
        .reconciler
        .run(move |routine| routine.invite_result(&result))
        .await?;
    Ok(Json(show::enrollment(&e)).into_response())
}
