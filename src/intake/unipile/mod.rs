//! Unipile's webhooks: the flat bodies of API v1 and the envelopes of API v2.

#[cfg(test)]
mod tests;

mod account_v2;
mod apply;
mod event;
mod message;
mod relation;
mod status;

use serde_json::Value;

pub use apply::apply;
pub use event::{UnipileEvent, UnipileKind};

use super::read;
use crate::domain::bad_input::BadInput;
use crate::domain::identity::Identity;
use crate::domain::ids::AccountId;
use crate::domain::note::NoteKey;
use crate::domain::provider::Provider;
use crate::domain::signal::{EventRef, Source};
use crate::domain::time::Timestamp;

/// Reads one authenticated body. `keep_text` says whether the configuration keeps the text of replies. `key` hashes the text of
/// messages that the account wrote, because they may be the note of an invite.
///
/// # Errors
/// Returns [`BadInput`] if the body is not an object, has no event name, or if a required field is missing or has the wrong type.
/// The answer to such a webhook is 400.
pub fn parse(
    body: &[u8],
    now: Timestamp,
    keep_text: bool,
    key: &NoteKey,
) -> Result<UnipileEvent, BadInput> {
    let body = read::object(body)?;
    match body.get("AccountStatus") {
        Some(Value::Object(inner)) => return status::parse(&body, inner),
        Some(Value::Null) | None => {}
        Some(_) => return Err(BadInput::field("AccountStatus", "must be an object")),
    }
    if is_hosted_auth(&body) {
        let reason = "A hosted authentication was completed. The status of the account is reported by its own event.";
        return Ok(ignored(&body, Source::Webhook, reason));
    }
    let v2 = matches!(body.get("event"), None | Some(Value::Null)) && body.contains_key("type");
    let name = if v2 { "type" } else { "event" };
    let event = read::needed(&body, name, name)?.trim();

    let mut found = match (other_network(&body, &body), event) {
        (Some(ignored), _) => ignored,
        (None, "new_relation" | "relation.new" | "relation.request.accept") if v2 => {
            relation::v2(&body, now)?
        }
        (None, event) if v2 && account_v2::is_account_event(event) => {
            account_v2::parse(&body, event)?
        }
        (None, "new_relation") => relation::v1(&body, now)?,
        (None, "message_received") => message::parse(&body, now, keep_text, key)?,
        (None, _) => ignored(
            &body,
            Source::Webhook,
            "This event type is not evidence of an accept.",
        ),
    };
    if v2 {
        found.event_ref = event_ref(&body, event);
        found.api = Provider::UnipileV2;
    }
    Ok(found)
}

/// Whether this is the notification at the end of a hosted authentication: flat, with `status`, `account_id` and `name`, and
/// without an event name.
fn is_hosted_auth(body: &read::Object) -> bool {
    let absent = |key| matches!(body.get(key), None | Some(Value::Null));
    let text = |key| body.get(key).is_some_and(Value::is_string);
    absent("event")
        && absent("type")
        && text("status")
        && text("account_id")
        && body.contains_key("name")
}

/// Returns an ignored event if the account belongs to another network than LinkedIn. `of` is the object that names the network: by
/// `account_type` in API v1, by `account_provider` in API v2.
fn other_network(body: &read::Object, of: &read::Object) -> Option<UnipileEvent> {
    let linkedin = ["account_type", "account_provider"]
        .iter()
        .all(|key| match of.get(*key) {
            None | Some(Value::Null) => true,
            Some(Value::String(kind)) => kind.trim().eq_ignore_ascii_case("LINKEDIN"),
            Some(_) => false,
        });
    (!linkedin).then(|| UnipileEvent {
        kind: UnipileKind::Ignored {
            account: named_account(of),
            source: Source::Webhook,
            identity: Identity::default(),
            reason: "The account is not a LinkedIn account.".to_owned(),
        },
        ..ignored(body, Source::Webhook, "")
    })
}

/// Returns an event that is recorded but is not evidence.
fn ignored(body: &read::Object, source: Source, reason: impl Into<String>) -> UnipileEvent {
    UnipileEvent {
        event_ref: None,
        api: Provider::Unipile,
        kind: UnipileKind::Ignored {
            account: named_account(body),
            source,
            identity: Identity::default(),
            reason: reason.into(),
        },
        raw: envelope(body),
    }
}

fn named_account(of: &read::Object) -> Option<AccountId> {
    AccountId::parse(of.get("account_id")?.as_str()?).ok()
}

/// Returns the id of a v2 event. It is unique for its account and type.
fn event_ref(body: &read::Object, event: &str) -> Option<EventRef> {
    Some(EventRef {
        provider: Provider::Unipile,
        event_type: event.to_owned(),
        subject: named_account(body)?.as_str().to_owned(),
        id: read::text(body, "id")?,
    })
}

/// Returns the part that is kept of a body that is not read further. It contains no text that a person wrote.
fn envelope(body: &read::Object) -> String {
    let keys = [
        "id",
        "event",
        "type",
        "account_id",
        "account_type",
        "account_provider",
        "webhook_name",
        "created_at",
        "timestamp",
    ];
    Value::Object(read::keep(body, &keys)).to_string()
}
