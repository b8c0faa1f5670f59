//! Reading the provider's JSON: missing and new fields are tolerated, and errors never quote a value.

use serde_json::{Map, Value};

use crate::domain::identity::Identity;
use crate::domain::signal::Person;
use crate::domain::time::Timestamp;

/// Parses a body that must be a JSON object. The error is a sentence for operators.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("the body is not a JSON object".to_owned()),
        Err(error) => Err(format!(
            "the body is not JSON ({:?} at line {}, column {})",
            error.classify(),
            error.line(),
            error.column()
        )),
    }
}

/// Returns a field that is a text with anything but whitespace in it.
pub(super) fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns a field that is an object.
pub(super) fn child<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Option<&'a Map<String, Value>> {
    fields.get(name)?.as_object()
}

/// Returns a list of objects. The error is a sentence for operators.
pub(super) fn objects<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
    what: &str,
) -> Result<Vec<&'a Map<String, Value>>, String> {
    let list = fields
        .get(name)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("the list of {what} has no {name} array"))?;
    list.iter()
        .map(Value::as_object)
        .collect::<Option<_>>()
        .ok_or_else(|| format!("an item of the list of {what} is not an object"))
}

/// Returns the cursor of a list: `None` if it is missing, null or empty. The error is a sentence for operators.
pub(super) fn cursor(
    fields: &Map<String, Value>,
    name: &str,
    what: &str,
) -> Result<Option<String>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(cursor)) => Ok((!cursor.is_empty()).then(|| cursor.clone())),
        Some(_) => Err(format!("the {name} of the list of {what} is not a string")),
    }
}

/// Makes a person of an identity and the names beside it.
pub(super) fn person(identity: Identity, name: Option<String>, headline: Option<String>) -> Person {
    Person {
        identity,
        name,
        headline,
    }
}

/// Joins `first_name` and `last_name`.
pub(super) fn full_name(fields: &Map<String, Value>) -> Option<String> {
    let name = [text(fields, "first_name"), text(fields, "last_name")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    (!name.is_empty()).then_some(name)
}

/// Parses epoch milliseconds, as a number or as a text of digits.
pub(super) fn epoch_ms(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let ms = number.as_f64()?;
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            (ms.is_finite() && ms.abs() < 1e15).then_some(ms as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .map(Timestamp)
}

/// Numbers below this are epoch seconds: as milliseconds they lie before 1974, long before LinkedIn.
const EPOCH_MS_MIN: i64 = 100_000_000_000;

/// Parses a time in any of the usual forms: RFC 3339, epoch milliseconds or epoch seconds.
pub(super) fn any_instant(value: &Value) -> Option<Timestamp> {
    match epoch_ms(value) {
        Some(at) if at.0 < EPOCH_MS_MIN => Some(Timestamp(at.0.checked_mul(1_000)?)),
        Some(at) => Some(at),
        None => Timestamp::parse(value.as_str()?),
    }
}
