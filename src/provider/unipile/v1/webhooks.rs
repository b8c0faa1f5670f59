//! Reads the webhooks that are registered with API v1.

use serde_json::Value;

use crate::provider::json::{object, text};

/// A webhook that is registered with the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredWebhook {
    /// The provider's id.
    pub id: String,
    /// `users`, `messaging`, `account_status` and others. Older answers leave it out.
    pub source: Option<String>,
    /// The name it was given.
    pub name: Option<String>,
    /// The address that it sends to.
    pub request_url: String,
    /// Whether it is active. `true` if the answer does not say.
    pub enabled: bool,
    /// Its events, or `None` if the answer does not say.
    pub events: Option<Vec<String>>,
    /// Its static headers, including secrets, or `None` if the answer does not say.
    pub headers: Option<Vec<(String, String)>>,
    /// Whether it sends for some accounts only.
    pub limited: bool,
}

impl RegisteredWebhook {
    /// Parses one page of the list: the webhooks and the next cursor. Items without an id or an address are left out. The error is a
    /// sentence for operators.
    pub(super) fn read_page(body: &[u8]) -> Result<(Vec<Self>, Option<String>), String> {
        let fields = object(body)?;
        let list = fields
            .get("items")
            .and_then(Value::as_array)
            .ok_or("the list of webhooks has no items array")?;
        Ok((
            list.iter().filter_map(Self::read).collect(),
            text(&fields, "cursor"),
        ))
    }

    fn read(item: &Value) -> Option<Self> {
        let fields = item.as_object()?;
        let words = |name: &str| {
            let list = fields.get(name)?.as_array()?;
            Some(
                list.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            )
        };
        let header = |header: &Value| {
            let header = header.as_object()?;
            Some((text(header, "key")?, text(header, "value")?))
        };
        Some(Self {
            id: text(fields, "id").or_else(|| text(fields, "webhook_id"))?,
            source: text(fields, "source"),
            name: text(fields, "name"),
            request_url: text(fields, "request_url")?,
            enabled: fields
                .get("enabled")
                .and_then(Value::as_bool)
                .unwrap_or(true),
            events: words("events"),
            headers: fields
                .get("headers")
                .and_then(Value::as_array)
                .map(|list| list.iter().filter_map(header).collect()),
            limited: fields
                .get("account_ids")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty()),
        })
    }
}

/// Parses the id of a webhook that was just created. The error is a sentence for operators.
pub(super) fn created_webhook_id(body: &[u8]) -> Result<String, String> {
    let fields = object(body)?;
    text(&fields, "webhook_id")
        .or_else(|| text(&fields, "id"))
        .ok_or_else(|| "the new webhook has no webhook_id".to_owned())
}
