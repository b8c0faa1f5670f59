//! `POST /v1/invite-results`: what the engine's own invite call got from the provider.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::show;
use crate::domain::ids::EnrollmentId;
use crate::intake;
use crate::reconcile::InviteResult;
use crate::web::app::App;
use crate::web::json::{Fields, Json, object};
use crate::web::problem::Problem;

const PROVIDER_ID_CHARS_MAX: usize = 512;
const NOTE_CHARS_MAX: usize = 4_000;

/// Records it, and answers with the enrollment as it stands then.
///
/// # Errors
/// 404 for an unknown enrollment; 422 for a field that can't be read; the store's errors.
pub async fn post(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    let mut fields = object(&body)?;
    let http_status = fields
        .integer("httpStatus", 100..=599)?
        .flatten()
        .and_then(|status| u16::try_from(status).ok())
        .ok_or_else(|| Problem::invalid("httpStatus", "httpStatus is needed."))?;
    let result = InviteResult {
        enrollment: fields.required("enrollmentId", EnrollmentId::parse)?,
        provider_id: fields.text("providerId", PROVIDER_ID_CHARS_MAX)?.flatten(),
        note: fields.text("note", NOTE_CHARS_MAX)?.flatten(),
        at: fields.past_time("at", app.clock.now())?.flatten(),
        http_status,
        response: response(&mut fields)?,
    };
    let e = app
        .reconciler
        .run(move |routine| routine.invite_result(&result))
        .await?;
    Ok(Json(show::enrollment(&e)).into_response())
}

/// Reads the provider's answer: an object, null, or the raw text. Text that is JSON is read as JSON, because what the answer
/// means stands in it; other text, such as an error page of a proxy, is kept as it is.
fn response(fields: &mut Fields) -> Result<Value, Problem> {
    if fields.value("response").is_none() {
        return Err(Problem::invalid(
            "response",
            "response is needed: what the provider answered, or null.",
        ));
    }
    let mut answer = fields.take("response");
    // Each turn takes off a layer of quotes, for a text that was encoded more than once.
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
    use serde_json::{Map, json};

    use super::*;
    use crate::web::json::tests::any_json;

    fn read(answer: &Value) -> Result<Value, Problem> {
        let map: Map<String, Value> = [("response".to_owned(), answer.clone())]
            .into_iter()
            .collect();
        response(&mut Fields::new(map))
    }

    proptest! {
        #[test]
        fn text_is_read_as_the_json_it_is(answer in any_json(), layers in 0_usize..4) {
            let wrapped = (0..layers).fold(answer.clone(), |inner, _| json!(inner.to_string()));
            match (read(&answer), read(&wrapped)) {
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
