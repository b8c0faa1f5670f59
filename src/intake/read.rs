//! Reading a provider's JSON: strict about what is needed, liberal about the rest (contract section 4).

use serde_json::{Map, Value};

use crate::domain::bad_input::BadInput;
use crate::domain::ids::{AccountId, BadId};
use crate::domain::signal::PREVIEW_CHARS_MAX;
use crate::domain::time::Timestamp;

pub(super) type Object = Map<String, Value>;

/// Below this a number of a time counts seconds, from it on milliseconds; as milliseconds it is in 1973.
const MILLISECONDS_FROM: f64 = 1e11;

/// The body as a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Object, BadInput> {
    match json(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(BadInput::body("the body is JSON, but not an object")),
        // serde_json's own text can quote the body, so only the place is told.
        Err(e) => Err(BadInput::body(format!(
            "the body is not JSON that can be read, see line {} column {}",
            e.line(),
            e.column()
        ))),
    }
}

/// Reads JSON, also with escaped halves of surrogate pairs, which JSON's grammar allows.
///
/// # Errors
/// serde_json's for the text as it was given.
pub fn json(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(text).or_else(|error| match whole_characters(text) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
}

/// The body with `\ufffd` for every escaped half of a surrogate pair: what cuts a text after so many UTF-16 units leaves one, JSON's
/// grammar allows it, and no event should be lost for it. `None` when there is none.
fn whole_characters(body: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = Vec::with_capacity(body.len());
    let (mut at, mut any) = (0, false);
    while at < body.len() {
        let is_pair = |low: u32| (0xdc00..0xe000).contains(&low);
        let (kept, length) = match (body[at], unit(at)) {
            (b'\\', Some(0xd800..0xdc00)) if unit(at + 6).is_some_and(is_pair) => (true, 12),
            (b'\\', Some(0xd800..0xe000)) => (false, 6),
            // Another escape: what follows the backslash begins none.
            (b'\\', _) => (true, 2),
            _ => (true, 1),
        };
        let end = body.len().min(at + length);
        mended.extend_from_slice(if kept { &body[at..end] } else { b"\\ufffd" });
        any |= !kept;
        at = end;
    }
    any.then_some(mended)
}

/// A field that has to be a string with something in it. `path` is its dotted path for the error.
pub(super) fn needed<'a>(of: &'a Object, key: &str, path: &str) -> Result<&'a str, BadInput> {
    match of.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        None | Some(Value::Null | Value::String(_)) => Err(BadInput::field(path, "is missing")),
        Some(_) => Err(BadInput::field(path, "must be a string")),
    }
}

/// A needed account id.
pub(super) fn account(of: &Object, path: &str) -> Result<AccountId, BadInput> {
    id(needed(of, "account_id", path)?, path, AccountId::parse)
}

/// An id of ours, checked.
pub(super) fn id<T>(
    text: &str,
    path: &str,
    parse: fn(&str) -> Result<T, BadId>,
) -> Result<T, BadInput> {
    parse(text).map_err(|e| BadInput::field(path, e.to_string()))
}

/// An optional text: trimmed, without NUL characters, absent when empty or of another type.
pub(super) fn text(of: &Object, key: &str) -> Option<String> {
    clean(of.get(key)?.as_str()?)
}

/// A text as it may be stored.
pub(super) fn clean(text: &str) -> Option<String> {
    let text = text.replace('\0', "");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The part of a message that may be kept where the configuration keeps any.
pub(super) fn preview(text: &str) -> Option<String> {
    clean(text).map(|t| t.chars().take(PREVIEW_CHARS_MAX).collect())
}

/// An optional object.
pub(super) fn child<'a>(of: &'a Object, key: &str) -> Option<&'a Object> {
    of.get(key)?.as_object()
}

/// Whether a flag is set; providers write it as a boolean, as 0 or 1, or as a word.
pub(super) fn flag(of: &Object, key: &str) -> bool {
    match of.get(key) {
        Some(Value::Bool(set)) => *set,
        Some(Value::Number(n)) => n.as_f64().is_some_and(|n| n != 0.0),
        Some(Value::String(word)) => {
            let word = word.trim();
            word.eq_ignore_ascii_case("true") || word == "1"
        }
        _ => false,
    }
}

/// An optional time: RFC 3339 (without an offset it is UTC), or seconds or milliseconds since the epoch. Absent when it can't
/// be read; whether it is plausible is for the stamp to say.
pub(super) fn time(of: &Object, key: &str) -> Option<Timestamp> {
    match of.get(key)? {
        Value::String(text) => Timestamp::parse(text)
            .or_else(|| Timestamp::parse(&format!("{}Z", text.trim())))
            .or_else(|| epoch(text.trim().parse().ok()?)),
        Value::Number(n) => epoch(n.as_f64()?),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the number was found to be in range"
)]
fn epoch(number: f64) -> Option<Timestamp> {
    let ms = if number.abs() < MILLISECONDS_FROM {
        number * 1000.0
    } else {
        number
    };
    // Beyond 2^53 a number of milliseconds is no time, and the conversion would not be exact.
    (ms.is_finite() && ms.abs() < 9e15).then(|| Timestamp(ms.round() as i64))
}

/// The fields of a body that may be kept, in the order asked for. A text is kept only when short: no id, urn, URL or time is
/// longer.
pub(super) fn keep(of: &Object, keys: &[&str]) -> Object {
    keys.iter()
        .filter_map(|key| {
            let value = of.get(*key)?;
            let kept = match value {
                Value::Array(_) | Value::Object(_) => false,
                Value::String(text) => text.len() <= 2048,
                _ => true,
            };
            kept.then(|| ((*key).to_owned(), value.clone()))
        })
        .collect()
}
