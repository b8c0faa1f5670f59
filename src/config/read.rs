//! Reads the values of the file. A text that may be a secret is never part of a message.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::problems::nearest;
use super::secret::Secret;
use super::values;
use crate::domain::secret_url::SecretUrl;

/// The largest file that holds one secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A text.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        other => Err(format!(
            "must be a text in quotes, not {} {}",
            article(other),
            other.type_str()
        )),
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    if matches!(value, DeValue::Array(_) | DeValue::Integer(_)) {
        "an"
    } else {
        "a"
    }
}

/// A name: 1 to 128 characters that can be shown.
pub(super) fn name(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    let length = text.chars().count();
    if !(1..=128).contains(&length) || text.chars().any(char::is_control) || text.trim() != text {
        return Err(
            "must have 1 to 128 characters, no control characters, no space at its ends".to_owned(),
        );
    }
    Ok(text)
}

/// Reads a text with `parse`, which says what is wrong.
pub(super) fn parsed<T>(
    value: &DeValue<'_>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, String> {
    parse(&text(value)?)
}

/// True or false.
pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| "must be true or false, without quotes".to_owned())
}

/// A whole number within bounds.
pub(super) fn number(value: &DeValue<'_>, min: u32, max: u32) -> Result<u32, String> {
    value
        .as_integer()
        .and_then(|n| i128::from_str_radix(n.as_str(), n.radix()).ok())
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| format!("must be a whole number from {min} to {max}, without quotes"))
}

/// A duration greater than zero.
pub(super) fn duration(value: &DeValue<'_>) -> Result<Duration, String> {
    span(value, false)
}

/// A duration that may be zero: a jitter.
pub(super) fn jitter(value: &DeValue<'_>) -> Result<Duration, String> {
    span(value, true)
}

fn span(value: &DeValue<'_>, zero: bool) -> Result<Duration, String> {
    if let DeValue::Integer(_) | DeValue::Float(_) = value {
        return Err("a duration needs a unit and quotes: write it like \"90s\" or \"30m\"".into());
    }
    parsed(value, |text| values::duration(text, zero))
}

/// One of a list of words.
pub(super) fn word<T: Copy>(value: &DeValue<'_>, all: &[(&'static str, T)]) -> Result<T, String> {
    let text = text(value)?;
    if let Some((_, found)) = all.iter().find(|(word, _)| *word == text) {
        return Ok(*found);
    }
    let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
    let near = nearest(&text, &words).unwrap_or_default();
    let shown: String = text.chars().take(64).collect();
    Err(format!(
        "{shown:?} is not one of {}; did you mean {near:?}?",
        words.join(", ")
    ))
}

/// Reads an id, or another text with a check of its own.
pub(super) fn id<T, E: std::fmt::Display>(
    value: &DeValue<'_>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, String> {
    parse(&text(value)?).map_err(|e| e.to_string())
}

/// Reads the name of a time zone.
pub(super) fn timezone(value: &DeValue<'_>) -> Result<TimeZone, String> {
    let name = text(value)?;
    TimeZone::get(&name).map_err(|_| {
        "is not a known time zone: use an IANA name such as \"Europe/Berlin\"".to_owned()
    })
}

/// A path that is not empty.
pub(super) fn path(value: &DeValue<'_>) -> Result<PathBuf, String> {
    let text = text(value)?;
    // SQLite gives these two a special meaning.
    let is_name = !text.starts_with("file:") && !text.starts_with(':');
    if text.trim().is_empty() || text.contains('\0') || !is_name {
        return Err("must be the path of a file".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// Reads the path of a file that may be left out.
pub(super) fn optional_path(value: &DeValue<'_>) -> Result<Option<PathBuf>, String> {
    if text(value)?.is_empty() {
        return Ok(None);
    }
    path(value).map(Some)
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim())
        .map_err(|_| "is not a URL: write it in full, like \"https://host/path\"".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("must begin with https:// or http:// and name a host".to_owned());
    }
    Ok(url)
}

/// Reads a URL that paths are appended to. Empty is none.
pub(super) fn base_url(value: &DeValue<'_>) -> Result<Option<Url>, String> {
    let text = text(value)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let url = http_url(&text)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user name or a password: it is shown".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end before any ? or #: paths are appended to it".to_owned());
    }
    Ok(Some(url))
}

/// Reads a secret: a text, or a reference to where it is stored.
pub(super) fn secret(value: &DeValue<'_>) -> Result<Secret, String> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Table(table) => kept(table)?,
        _ => return Err(SECRET_HELP.to_owned()),
    };
    if text.chars().any(char::is_control) {
        return Err("holds a line break or another control character".to_owned());
    }
    if text.trim() != text {
        return Err("begins or ends with a space, which no HTTP header can carry".to_owned());
    }
    Ok(Secret::new(text))
}

const SECRET_HELP: &str = "must be a secret: a text in quotes, { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }";

fn kept(table: &DeTable<'_>) -> Result<String, String> {
    let known = ["env", "file", "credential"];
    for (key, _) in table.iter() {
        if !known.contains(&key.get_ref().as_ref()) {
            let near = nearest(key.get_ref(), &known).unwrap_or_default();
            return Err(format!(
                "unknown key `{}` in a secret; did you mean `{near}`?",
                key.get_ref()
            ));
        }
    }
    let mut entries = table.iter();
    let (Some((key, place)), None) = (entries.next(), entries.next()) else {
        return Err(SECRET_HELP.to_owned());
    };
    let place = text(place.get_ref()).map_err(|e| format!("`{}` {e}", key.get_ref()))?;
    match key.get_ref().as_ref() {
        "env" => from_environment(&place),
        "file" => from_file(PathBuf::from(place)),
        _ => from_credential(&place),
    }
}

fn from_environment(name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!(
            "{name:?} is not the name of an environment variable"
        ));
    }
    match std::env::var(name) {
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => {
            Err(format!("the environment variable {name} is not set"))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(format!("the environment variable {name} is not UTF-8"))
        }
    }
}

fn from_credential(name: &str) -> Result<String, String> {
    if name.is_empty() || name.contains(['/', '\0']) || name == ".." || name == "." {
        return Err(format!("{name:?} is not the name of a credential"));
    }
    let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Err(format!(
            "the credential {name} was looked for, but $CREDENTIALS_DIRECTORY is not set: systemd sets it with LoadCredential={name}:PATH"
        ));
    };
    from_file(PathBuf::from(directory).join(name))
}

fn from_file(path: PathBuf) -> Result<String, String> {
    use std::io::Read as _;
    let shown = path.display();
    let mut bytes = Vec::new();
    std::fs::File::open(&path)
        .and_then(|f| f.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|e| format!("the file {shown} can't be read: {e}"))?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!("the file {shown} is too large for a secret"));
    }
    let mut text =
        String::from_utf8(bytes).map_err(|_| format!("the file {shown} is not UTF-8 text"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// Reads the URL of a destination, which is a secret.
pub(super) fn secret_url(value: &DeValue<'_>) -> Result<SecretUrl, String> {
    let secret = secret(value)?;
    if !secret.is_set() {
        return Err("is empty: set the URL that receives the events".to_owned());
    }
    SecretUrl::parse(secret.expose())
        .ok_or_else(|| "is not a URL: write it in full, like \"https://host/path\"".to_owned())
}

/// A header's name.
pub(super) fn header_name(text: &str) -> Result<reqwest::header::HeaderName, String> {
    reqwest::header::HeaderName::from_str(text)
        .map_err(|_| "is not the name of an HTTP header".to_owned())
}
