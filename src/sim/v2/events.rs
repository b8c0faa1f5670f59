//! The events of API v2.

use serde_json::{Value, json};

use super::relations::user;
use crate::domain::time::Timestamp;
use crate::sim::state::{Account, Member};

/// An event that endpoints may ask for.
#[derive(Debug, Clone)]
pub(in crate::sim) struct V2Event {
    /// The name that the world knows the account by.
    pub account: String,
    /// The event's name.
    pub name: String,
    /// The account's id.
    pub account_id: String,
    pub body: Value,
}

/// What all events of an account have in common.
pub(in crate::sim) struct Envelope<'a> {
    /// The name that the world knows the account by.
    pub name: &'a str,
    /// A number that no other event has.
    pub number: u64,
    /// When the provider makes the event.
    pub now: Timestamp,
}

impl Envelope<'_> {
    /// An event with this payload; `None` if the account is not on API v2.
    pub fn around(&self, account: &Account, event_type: &str, payload: Value) -> Option<V2Event> {
        let id = account.v2_id.clone()?;
        Some(V2Event {
            account: self.name.to_owned(),
            name: event_type.to_owned(),
            body: json!({
                "id": format!("evt_{:026}", self.number),
                "created_at": self.now.rfc3339(),
                "account_id": id,
                "account_provider": "LINKEDIN",
                "account_name": account.owner.full_name(),
                "application_id": "app_simulated",
                "application_production": true,
                "type": event_type,
                "payload": payload,
            }),
            account_id: id,
        })
    }

    pub fn relation_new(
        &self,
        account: &Account,
        member: &Member,
        connected_at: Timestamp,
    ) -> Option<V2Event> {
        let payload = json!({
            "object": "UserRelation",
            "id": format!("rel_{}", member.number),
            "user": user(member),
            "created_at": connected_at.rfc3339(),
        });
        self.around(account, "relation.new", payload)
    }

    pub fn message_new(
        &self,
        account: &Account,
        member: &Member,
        message: &crate::sim::events::Message<'_>,
    ) -> Option<V2Event> {
        let sender = if message.own { &account.owner } else { member };
        let payload = json!({
            "object": "Message",
            "id": format!("2-m{}", message.number),
            "chat_id": format!("chat_{}_{}", self.name, member.number),
            "timestamp": message.at.rfc3339(),
            "sender_id": sender.provider_id(),
            "is_sender": message.own,
            "text": message.text,
            "is_event": false,
            "attachments": [],
            "provider": "linkedin",
        });
        self.around(account, "message.new", payload)
    }
}
