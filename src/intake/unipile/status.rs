//! Account status webhooks of API v1.

use serde_json::{Value, json};

use super::{UnipileEvent, UnipileKind, other_network, read};
use crate::domain::account::AccountReport;
use crate::domain::bad_input::BadInput;
use crate::domain::provider::Provider;

/// The statuses of an account that works.
const HEALTHY: [&str; 4] = ["OK", "RECONNECTED", "CREATION_SUCCESS", "SYNC_SUCCESS"];

/// The longest status that is kept, in characters.
const WORD_CHARS_MAX: usize = 200;

pub(super) fn parse(body: &read::Object, inner: &read::Object) -> Result<UnipileEvent, BadInput> {
    let kept = read::keep(inner, &["account_id", "account_type", "message"]);
    let raw = json!({ "AccountStatus": Value::Object(kept) }).to_string();
    if let Some(event) = other_network(body, inner) {
        return Ok(UnipileEvent { raw, ..event });
    }
    let account = read::account(inner, "AccountStatus.account_id")?;
    let path = "AccountStatus.message";
    let message = read::clean(read::needed(inner, "message", path)?)
        .ok_or_else(|| BadInput::field(path, "is missing"))?;
    let message: String = message.chars().take(WORD_CHARS_MAX).collect();
    let word = message.to_ascii_uppercase();
    let report = match word.as_str() {
        "CONNECTING" => AccountReport::NoChange,
        word if HEALTHY.contains(&word) => AccountReport::Works,
        _ => AccountReport::Failed,
    };
    Ok(UnipileEvent {
        event_ref: None,
        api: Provider::Unipile,
        kind: UnipileKind::Account {
            account,
            message,
            report,
        },
        raw,
    })
}
