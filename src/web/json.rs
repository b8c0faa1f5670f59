//! JSON in and out. Bodies are parsed as JSON whatever their content type says.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::domain::time::{EARLIEST, Timestamp};

/// How far a caller's clock may be ahead of ours.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// An answer in JSON.
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response<Body> {
        match serde_json::to_vec(&self.0) {
            Ok(text) => {
                let mut response = Response::new(Body::from(text));
                let headers = response.headers_mut();
                headers.insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(error) => {
                tracing::error!(%error, "an answer can't be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

/// Reads a body as JSON.
///
/// # Errors
/// 400 when it is none.
pub fn parse(body: &[u8]) -> Result<Value, Problem> {
    crate::intake::json(body).map_err(|error| {
        // The error tells place and kind, never the text.
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("The body is not JSON: {error}."),
        )
    })
}

/// Reads a body as a JSON object.
///
/// # Errors
/// 400 when it is no JSON, 422 when it is no object.
pub fn object(body: &[u8]) -> Result<Fields, Problem> {
    match parse(body)? {
        Value::Object(map) => Ok(Fields(map)),
        _ => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The body must be a JSON object.",
        )),
    }
}

/// What is wrong with one field: its name, and why.
pub type FieldError = crate::domain::bad_input::BadInput;

/// The fields of an object of our own API: what can't be read is an error of its field, never guessed at. In every reader the
/// outer `None` means left out, the inner one `null`.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of a map.
    #[must_use]
    pub fn new(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// A field as it is.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Takes a field out, `null` where it is missing.
    pub fn take(&mut self, name: &str) -> Value {
        self.0.remove(name).unwrap_or_default()
    }

    /// A text of at most `max` characters, without control characters other than white space. White space around it is taken
    /// off; nothing left counts as `null`.
    ///
    /// # Errors
    /// The field, when it is something else.
    pub fn text(&self, name: &str, max: usize) -> Result<Option<Option<String>>, FieldError> {
        let text = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(None)),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Err(FieldError::field(name, format!("{name} must be a string."))),
        };
        if text.chars().nth(max).is_some() {
            return Err(FieldError::field(
                name,
                format!("{name} must have at most {max} characters."),
            ));
        }
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Err(FieldError::field(
                name,
                format!("{name} must have no control characters."),
            ));
        }
        Ok(Some((!text.is_empty()).then(|| text.to_owned())))
    }

    /// A text that is read as an id or a word. Nothing is trimmed.
    ///
    /// # Errors
    /// The field, when it can't be.
    pub fn parsed<T, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<Option<T>>, FieldError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => match parse(text) {
                Ok(value) => Ok(Some(Some(value))),
                Err(error) => Err(FieldError::field(name, format!("{name}: {error}."))),
            },
            Some(_) => Err(FieldError::field(name, format!("{name} must be a string."))),
        }
    }

    /// [`Fields::parsed`] of a field that has to be there.
    ///
    /// # Errors
    /// The field, when it is not, or can't be read.
    pub fn required<T, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, FieldError> {
        self.parsed(name, parse)?
            .flatten()
            .ok_or_else(|| FieldError::field(name, format!("{name} is needed.")))
    }

    /// An RFC 3339 time, not before 2003 and not after `now`. A caller's clock may be up to five minutes ahead: such a time
    /// counts as `now`.
    ///
    /// # Errors
    /// The field, when it is something else.
    pub fn past_time(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Option<Timestamp>>, FieldError> {
        let time = self.parsed(name, |text| {
            Timestamp::parse(text).ok_or("not an RFC 3339 time such as 2026-05-02T15:14:06Z")
        })?;
        match time {
            Some(Some(at)) if at > now.plus(CLOCK_SKEW_MAX) => Err(FieldError::field(
                name,
                format!("{name} lies in the future; at most 5 minutes count as a fast clock."),
            )),
            Some(Some(at)) if at > now => Ok(Some(Some(now))),
            Some(Some(at)) if at < EARLIEST => Err(FieldError::field(
                name,
                format!("{name} lies before 2003: there was no LinkedIn then."),
            )),
            other => Ok(other),
        }
    }

    /// A whole number in a range.
    ///
    /// # Errors
    /// The field, when it is something else.
    pub fn integer(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<Option<i64>>, FieldError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => value
                .as_i64()
                .filter(|n| range.contains(n))
                .map(|n| Some(Some(n)))
                .ok_or_else(|| {
                    FieldError::field(
                        name,
                        format!(
                            "{name} must be a whole number from {} to {}.",
                            range.start(),
                            range.end()
                        ),
                    )
                }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Any small JSON value, texts that look like something more often than others.
    pub fn any_json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "\\PC{0,20}",
            prop::sample::select(vec![
                "N/A",
                "acc_1",
                "a:b",
                "2026-05-02T15:14:06Z",
                "9999-12-31T23:59:59Z",
                "[]",
                "{\"type\":1}",
                "\"\\\"x\\\"\"",
                "\u{0}",
                "https://www.linkedin.com/in/ada",
                "urn:li:member:7",
                "\u{feff}",
                "-1",
                "null",
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,4}|type", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_time_of_a_caller_is_never_ahead_of_now(skew in -700_000_i64..700_000) {
            let now = Timestamp(1_780_000_000_000);
            let at = Timestamp(now.0 + skew);
            let Value::Object(map) = json!({"at": at.to_string()}) else { unreachable!("it is an object") };
            match Fields::new(map).past_time("at", now) {
                Ok(Some(Some(read))) => prop_assert_eq!(read, at.min(now)),
                Err(_) => prop_assert!(skew > 300_000),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
