//! SendPilot's webhooks, under their older and their newer names.

mod apply;
mod event;
pub mod list;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use apply::apply;
pub use event::{SendpilotEvent, SendpilotKind};

use super::read;
use crate::domain::bad_input::BadInput;
use crate::domain::enrollment::Status;
use crate::domain::identity::is_placeholder;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::provider::Provider;
use crate::domain::signal::EventRef;

/// The longest URL that is kept, in characters.
const URL_CHARS_MAX: usize = 2048;

/// Reads one authenticated body. `keep_text` says whether the configuration keeps the text of replies.
///
/// # Errors
/// Returns [`BadInput`] if the body is not an object, has no event type, or if a required field is missing or has the wrong type.
/// The answer to such a webhook is 400.
pub fn parse(body: &[u8], keep_text: bool) -> Result<SendpilotEvent, BadInput> {
    let body = read::object(body)?;
    let event_type = read::needed(&body, "eventType", "eventType")?;
    let event_type = read::clean(event_type)
        .ok_or_else(|| BadInput::field("eventType", "must be the name of an event"))?;
    let event_id = match body.get("eventId") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => read::clean(id),
        Some(_) => return Err(BadInput::field("eventId", "must be a string")),
    };
    let known = known_type(&event_type);
    let empty = read::Object::new();
    let data = match body.get("data") {
        Some(Value::Object(data)) => data,
        _ if known.is_none() => &empty,
        None | Some(Value::Null) => return Err(BadInput::field("data", "is missing")),
        Some(_) => return Err(BadInput::field("data", "must be an object")),
    };

    let (lead, sender) = if known.is_some() {
        let lead = read::needed(data, "leadId", "data.leadId")?;
        let sender = match data.get("senderId") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(read::id(id, "data.senderId", AccountId::parse)?),
            Some(_) => return Err(BadInput::field("data.senderId", "must be a string")),
        };
        let lead = read::id(lead, "data.leadId", EnrollmentId::parse)?;
        (Some(lead), sender)
    } else {
        let word = |key| data.get(key).and_then(Value::as_str);
        (
            word("leadId").and_then(|id| EnrollmentId::parse(id).ok()),
            word("senderId").and_then(|id| AccountId::parse(id).ok()),
        )
    };

    let first = |keys: &[&str]| keys.iter().find_map(|key| read::text(data, key));
    let status = |key| read::text(data, key).and_then(|word| word.parse::<Status>().ok());
    let kind = match known {
        Some(KnownType::Sent) => SendpilotKind::Sent {
            note: first(&["note", "message"]),
        },
        Some(KnownType::Accepted) => SendpilotKind::Accepted {
            at: read::time(data, "acceptedAt"),
        },
        Some(KnownType::MessageSent) => SendpilotKind::MessageSent,
        Some(KnownType::Reply) => SendpilotKind::Reply {
            preview: first(&["reply", "message", "messagePreview"])
                .filter(|_| keep_text)
                .and_then(|text| read::preview(&text)),
        },
        Some(KnownType::StatusChange) => SendpilotKind::StatusChange {
            previous: status("previousStatus"),
            new: status("newStatus"),
        },
        None => SendpilotKind::Unknown,
    };

    Ok(SendpilotEvent {
        event_ref: event_id.map(|id| EventRef {
            provider: Provider::Sendpilot,
            event_type: event_type.clone(),
            subject: lead
                .as_ref()
                .map(|l| l.as_str().to_owned())
                .unwrap_or_default(),
            id,
        }),
        timestamp: read::time(&body, "timestamp"),
        lead,
        sender,
        campaign: data
            .get("campaignId")
            .and_then(Value::as_str)
            .and_then(|id| CampaignId::parse(id).ok()),
        linkedin_url: read::text(data, "linkedinUrl")
            .filter(|url| url.chars().count() <= URL_CHARS_MAX && !is_placeholder(url)),
        kind,
        raw: raw(&body, data),
        event_type,
    })
}

/// Whether SendPilot documents this event type, although it is not evidence of an accept.
#[must_use]
pub fn is_documented(event_type: &str) -> bool {
    event_type == "lead.tag.updated"
        || ["campaign.", "lead_database.", "lead_extractor."]
            .iter()
            .any(|prefix| event_type.starts_with(prefix))
}

#[derive(Clone, Copy)]
enum KnownType {
    Sent,
    Accepted,
    MessageSent,
    Reply,
    StatusChange,
}

fn known_type(event_type: &str) -> Option<KnownType> {
    Some(match event_type {
        "connection.sent" | "connection_request.sent" => KnownType::Sent,
        "connection.accepted" | "connection_request.accepted" => KnownType::Accepted,
        "message.sent" => KnownType::MessageSent,
        "message.received" | "reply.received" => KnownType::Reply,
        "lead.status.changed" | "lead.updated" => KnownType::StatusChange,
        _ => return None,
    })
}

/// Returns the part of the body that is kept. The fields are known to contain no text of a message or a note.
fn raw(body: &read::Object, data: &read::Object) -> String {
    let mut kept = read::keep(body, &["eventId", "eventType", "timestamp", "workspaceId"]);
    let data = read::keep(
        data,
        &[
            "leadId",
            "campaignId",
            "linkedinUrl",
            "senderId",
            "acceptedAt",
            "previousStatus",
            "newStatus",
            "changedBy",
            "sequenceStep",
        ],
    );
    kept.insert("data".to_owned(), Value::Object(data));
    Value::Object(kept).to_string()
}
