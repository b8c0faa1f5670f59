//! What only API v2 knows: ids of accounts, webhook endpoints with their log, and the cache.

use std::collections::{BTreeMap, HashMap};

use super::cache::Cached;
use crate::domain::time::Timestamp;

/// The event names that an endpoint may ask for, as of September 2026.
pub(in crate::sim) const DEFAULT_EVENTS: &[&str] = &[
    "account.add",
    "account.reconnect",
    "account.remove",
    "account.locked",
    "account.unlocked",
    "account.status.running",
    "account.status.degraded",
    "account.status.partial",
    "account.status.disconnected",
    "account.status.errored",
    "account.initial_sync.completed",
    "message.new",
    "message.update",
    "message.delete",
    "message.receipt.read",
    "message.receipt.delivery",
    "message.reaction.new",
    "message.reaction.delete",
    "chat.update",
    "chat.delete",
    "relation.new",
    "follower.new",
];

/// The order of the relations list, which the provider does not promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// Newest first.
    #[default]
    NewestFirst,
    /// By name, so that times go up and down.
    ByName,
}

/// A webhook endpoint of API v2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `we_…`
    pub id: String,
    /// The address that it sends to.
    pub url: String,
    /// The names of the events that it sends.
    pub trigger_events: Vec<String>,
    /// The accounts that it sends for; empty for all.
    pub account_ids: Vec<String>,
    /// Whether it sends.
    pub enabled: bool,
    /// The text that it was given.
    pub description: String,
    /// The key of its signatures, `wes_…`.
    pub secret: String,
}

/// One line of the delivery log. It holds no event body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// `wc_…`
    pub id: String,
    /// The event.
    pub event_id: String,
    /// Its name.
    pub event_type: String,
    /// The endpoint.
    pub endpoint_id: String,
    /// When it was sent.
    pub created_at: Timestamp,
    /// Whether it was the first attempt.
    pub first_attempt: bool,
    /// The status that came back, if any.
    pub http_status: Option<u16>,
}

/// The state of API v2.
#[derive(Debug, Default)]
pub(in crate::sim) struct V2State {
    /// From the ids of accounts to the names that the world knows them by.
    pub accounts: BTreeMap<String, String>,
    pub endpoints: Vec<Endpoint>,
    /// The log, oldest first.
    pub conversations: Vec<Conversation>,
    pub cache: HashMap<String, Cached>,
}
