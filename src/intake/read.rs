//! Reading the JSON of a provider: strict about required fields, liberal about optional ones.

use serde_json::{Map, Value};

use crate::domain::bad_input::BadInput;
use crate::domain::ids::{AccountId, BadId};
use crate::domain::signal::PREVIEW_CHARS_MAX;
use crate::domain::time::Timestamp;

pub(super) type Object = Map<String, Value>;

/// A time below this number is in seconds, from it on in milliseconds. As milliseconds the number is in 1973.
const MILLISECONDS_FROM: f64 = 1e11;

/// Reads the body as a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Object, BadInput> {
    match json(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(BadInput::body("the body must be a JSON object")),
        // The message of serde_json can quote the body, so only the position is reported.
        Err(e) => Err(BadInput::body(format!(
            "the body is not valid JSON at line {} column {}",
            e.line(),
            e.column()
        ))),
    }
}

/// Reads JSON. Escaped halves of surrogate pairs, which the grammar of JSON allows, are read as `\u{fffd}`.
pub fn json(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(text).or_else(|error| match whole_characters(text) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
}

/// Replaces every escaped half of a surrogate pair by `\ufffd`. Programs that cut a text after a number of UTF-16 units leave
/// such halves, and no event should be lost because of them. `None` if there is none.
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
            // Another escape. The character after the backslash does not begin an escape.
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

/// Reads a required string that is not blank. `path` is the dotted path of the field for the error.
pub(super) fn needed<'a>(of: &'a Object, key: &str, path: &str) -> Result<&'a str, BadInput> {
    match of.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        None | Some(Value::Null | Value::String(_)) => Err(BadInput::field(path, "is missing")),
        Some(_) => Err(BadInput::field(path, "must be a string")),
    }
}

/// Reads the required field `account_id`.
pub(super) fn account(of: &Object, path: &str) -> Result<AccountId, BadInput> {
    id(needed(of, "account_id", path)?, path, AccountId::parse)
}

/// Validates an id.
pub(super) fn id<T>(
    text: &str,
    path: &str,
    parse: fn(&str) -> Result<T, BadId>,
) -> Result<T, BadInput> {
    parse(text).map_err(|e| BadInput::field(path, e.to_string()))
}

/// Reads an optional text, trimmed and without NUL characters. `None` if it is empty or of another type.
pub(super) fn text(of: &Object, key: &str) -> Option<String> {
    clean(of.get(key)?.as_str()?)
}

/// Trims a text and removes its NUL characters, so that it can be stored. `None` if nothing is left.
pub(super) fn clean(text: &str) -> Option<String> {
    let text = text.replace('\0', "");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns the part of a message that is kept if the configuration keeps the text of replies.
pub(super) fn preview(text: &str) -> Option<String> {
    clean(text).map(|t| t.chars().take(PREVIEW_CHARS_MAX).collect())
}

/// Reads an optional object.
pub(super) fn child<'a>(of: &'a Object, key: &str) -> Option<&'a Object> {
    of.get(key)?.as_object()
}

/// Whether a flag is set. Providers write it as a boolean, as 0 or 1, or as a word.
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

/// Reads an optional time: RFC 3339 (UTC if it has no offset), or seconds or milliseconds since the epoch. `None` if it cannot
/// be read. The stamp decides whether it is plausible.
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
    // A number of milliseconds beyond 2^53 is not a time, and its conversion would not be exact.
    (ms.is_finite() && ms.abs() < 9e15).then(|| Timestamp(ms.round() as i64))
}

/// Returns the named fields of a body, in the order of `keys`. Long texts are left out, because no id, URN, URL or time is that
/// long.
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
