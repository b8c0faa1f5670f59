//! The bodies of the webhooks that the simulated provider sends.

use serde_json::{Value, json};

use super::state::{Account, Member};
use crate::domain::time::Timestamp;

/// What is told, and to which webhooks.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub source: &'static str,
    /// The word by which a webhook asks for it.
    pub word: String,
    pub account: String,
    pub body: Value,
}

pub(super) fn new_relation(account: &str, member: &Member) -> Event {
    Event {
        source: "users",
        word: "new_relation".to_owned(),
        account: account.to_owned(),
        body: json!({
            "event": "new_relation",
            "account_id": account,
            "account_type": "LINKEDIN",
            "user_full_name": member.full_name(),
            "user_provider_id": member.provider_id(),
            "user_public_identifier": member.slug,
            "user_profile_url": member.profile_url(),
            "user_picture_url": null,
        }),
    }
}

pub(super) fn account_status(account: &str, message: &str) -> Event {
    Event {
        source: "account_status",
        word: message.to_owned(),
        account: account.to_owned(),
        body: json!({
            "AccountStatus": {"account_id": account, "account_type": "LINKEDIN", "message": message},
        }),
    }
}

/// A message in the chat of an account and a member.
pub(super) struct Message<'a> {
    pub text: &'a str,
    pub at: Timestamp,
    /// `MESSAGE`, `INVITATION`, `INMAIL`, …
    pub message_type: &'a str,
    /// `inmail`, `sponsored`, …
    pub chat_content_type: Option<&'a str>,
    /// Whether the account wrote it.
    pub own: bool,
    pub number: u64,
}

pub(super) fn message_received(
    name: &str,
    account: &Account,
    member: &Member,
    message: &Message<'_>,
) -> Event {
    let other = attendee(member);
    let sender = if message.own {
        attendee(&account.owner)
    } else {
        other.clone()
    };
    Event {
        source: "messaging",
        word: "message_received".to_owned(),
        account: name.to_owned(),
        body: json!({
            "event": "message_received",
            "account_id": name,
            "account_type": "LINKEDIN",
            "account_info": {
                "type": "LINKEDIN", "feature": "classic", "user_id": account.owner.provider_id(),
            },
            "chat_id": format!("chat_{name}_{}", member.number),
            "attendees": [other],
            "sender": sender,
            "subject": null,
            "message": message.text,
            "message_id": format!("msg_{}", message.number),
            "timestamp": message.at.rfc3339(),
            "attachments": [],
            "is_sender": message.own,
            "provider_chat_id": format!("2-{}", member.number),
            "provider_message_id": format!("2-m{}", message.number),
            "is_event": 0,
            "chat_pinned": false,
            "quoted": null,
            "reply_to": null,
            "is_forwarded": false,
            "chat_content_type": message.chat_content_type,
            "message_type": message.message_type,
            "is_group": false,
            "folder": ["INBOX"],
            "event_type": null,
        }),
    }
}

fn attendee(member: &Member) -> Value {
    let id = member.provider_id();
    json!({
        "attendee_id": format!("att_{}", member.number),
        "attendee_profile_url": format!("https://www.linkedin.com/in/{id}"),
        "attendee_provider_id": id,
        "attendee_name": member.full_name(),
        "attendee_public_identifier": null,
        "attendee_specifics": {
            "provider": "LINKEDIN",
            "member_urn": format!("urn:li:member:{}", member.number),
            "occupation": member.headline,
            "is_company": false,
            "network_distance": "DISTANCE_1",
        },
    })
}
