//! `POST /v1/invite-results`: the provider's answer to an invite call of the engine.

use axum::Extension;
use axum::extract::State;
use serde_json::Value;

use crate::api::enrollments::{self as shapes, Enrollment};
use crate::api::fields::Text;
use crate::domain::audit::AuditContext;
use crate::intake;
use crate::reconcile::InviteResult;
use crate::web::app::App;
use crate::web::input::Body;
use crate::web::json::Json;
use crate::web::problem::Problem;

/// Report what the provider answered to an invite
///
/// 2xx records the invite. A 422 of type `errors/already_connected` is evidence of a connection. Any other error is recorded and
/// stamps nothing. Answers with the enrollment as it stands afterwards.
#[utoipa::path(
    post,
    path = "/v1/invite-results",
    operation_id = "recordInviteResult",
    tag = "enrollments",
    request_body = shapes::InviteResult,
    responses((status = 200, description = "Done.", body = Enrollment), (status = 404), (status = 409))
)]
pub async fn post(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Body(input): Body<shapes::InviteResult>,
) -> Result<Json<Enrollment>, Problem> {
    let now = app.clock.now();
    let result = InviteResult {
        enrollment: input.enrollment_id,
        provider_id: input.provider_id.and_then(Text::non_empty),
        note: input.note.and_then(Text::non_empty),
        at: input.at.map(|at| at.until(now, "at")).transpose()?,
        http_status: u16::try_from(input.http_status.0).unwrap_or(u16::MAX),
        response: provider_answer(input.response)?,
    };
    let e = app.writes.invite_result(context, result).await?;
    Ok(Json((&e).into()))
}

/// Reads the provider's answer: an object, null, or the raw text. Text that is JSON is read as JSON, because it holds the meaning of
/// the answer. Other text, such as an error page of a proxy, is kept as it is.
fn provider_answer(mut answer: Value) -> Result<Value, Problem> {
    // Each turn removes one layer of quotes, for a text that was encoded more than once.
    while let Some(inner) = answer
        .as_str()
        .and_then(|text| intake::json(text.trim_start_matches('\u{feff}').as_bytes()).ok())
    {
        answer = inner;
    }
    match answer {
        Value::Object(_) | Value::String(_) | Value::Null => Ok(answer),
        Value::Array(_) | Value::Number(_) | Value::Bool(_) => Err(Problem::invalid(
            "response",
            "response must be the provider's answer: a JSON object, its raw text, or null.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::api::read::any_json;

    proptest! {
        #[test]
        fn text_is_read_as_the_json_it_is(answer in any_json(), layers in 0_usize..4) {
            let wrapped = (0..layers).fold(answer.clone(), |inner, _| json!(inner.to_string()));
            match (provider_answer(answer.clone()), provider_answer(wrapped)) {
                (Ok(plain), Ok(unwrapped)) => {
                    prop_assert_eq!(&plain, &unwrapped);
                    prop_assert!(plain.is_object() || plain.is_string() || plain.is_null());
                    prop_assert!(!answer.is_object() || plain == answer);
                }
                (Err(_), Err(_)) => {}
                other => prop_assert!(false, "{:?}", other.0.is_ok()),
            }
        }
    }
}
