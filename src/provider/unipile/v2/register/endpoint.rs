//! Reads webhook endpoints of API v2.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::provider::json::{objects, text};

/// A webhook endpoint as the provider shows it.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// The provider's id.
    pub id: String,
    /// The address that it sends to.
    pub url: String,
    /// Whether it sends.
    pub enabled: bool,
    /// The names of its events.
    pub events: BTreeSet<String>,
    /// Whether it sends for some accounts only.
    pub limited: bool,
    /// The key of its signatures, if the answer shows it.
    pub secret: Option<SecretString>,
}

impl Endpoint {
    /// Reads an endpoint. The error is a sentence for operators.
    pub fn read(fields: &Map<String, Value>) -> Result<Self, String> {
        let needed = |name: &str| {
            text(fields, name).ok_or_else(|| format!("the webhook endpoint has no {name}"))
        };
        let list = |name: &str| fields.get(name).and_then(Value::as_array);
        let events = list("trigger_events").into_iter().flatten();
        Ok(Self {
            id: needed("id")?,
            url: needed("url")?,
            enabled: fields
                .get("enabled")
                .and_then(Value::as_bool)
                .unwrap_or(true),
            events: events
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            limited: list("account_ids").is_some_and(|ids| !ids.is_empty()),
            secret: text(fields, "secret").map(SecretString::from),
        })
    }

    /// Reads a page of the list, and whether there are more. Items without an id or an address are left out, because nothing could be
    /// done with them. The error is a sentence for operators.
    pub fn read_page(fields: &Map<String, Value>) -> Result<(Vec<Self>, bool), String> {
        let list = objects(fields, "data", "webhook endpoints")?;
        let more = fields.get("has_more").and_then(Value::as_bool) == Some(true);
        let more = more && !list.is_empty();
        let endpoints = list.iter().filter_map(|item| Self::read(item).ok());
        Ok((endpoints.collect(), more))
    }
}
