//! `GET` and `POST /api/v1/webhooks`, `DELETE /api/v1/webhooks/{id}`: who is to be told what.

use axum::http::Method;
use serde_json::{Value, json};

use super::answer::Answer;
use super::deliveries::Webhook;
use super::server::{ApiRequest, invalid};
use super::state::State;

const LIMIT_MAX: usize = 250;
const LIMIT_DEFAULT: usize = 100;

pub(super) fn answer(state: &mut State, asked: &ApiRequest) -> Answer {
    match (&asked.method, asked.segments.get(1)) {
        (&Method::GET, None) => list(state, asked),
        (&Method::POST, None) => create(state, asked),
        (&Method::DELETE, Some(id)) => {
            let before = state.webhooks.len();
            state.webhooks.retain(|webhook| webhook.id != *id);
            if state.webhooks.len() == before {
                Answer::error(404, "resource_not_found", "Webhook not found")
            } else {
                Answer::json(200, &json!({"object": "WebhookDeleted"}))
            }
        }
        _ => Answer::error(404, "resource_not_found", "Route not found"),
    }
}

fn list(state: &State, asked: &ApiRequest) -> Answer {
    let limit = match asked.param("limit").map(str::parse) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => return invalid("limit must be between 1 and 250"),
    };
    let skip = match asked.param("cursor") {
        None => 0,
        // As everywhere, a cursor is base64; here of the last id.
        Some(cursor) => {
            let position = state
                .webhooks
                .iter()
                .position(|webhook| webhook.cursor() == cursor);
            match position {
                Some(position) => position + 1,
                None => return invalid("Invalid cursor"),
            }
        }
    };
    let page: Vec<_> = state.webhooks.iter().skip(skip).take(limit).collect();
    let cursor = (skip + page.len() < state.webhooks.len())
        .then(|| page.last().map(|webhook| webhook.cursor()));
    let items: Vec<_> = page.into_iter().map(shown).collect();
    Answer::json(
        200,
        &json!({"object": "WebhookList", "items": items, "cursor": cursor.flatten()}),
    )
}

fn shown(webhook: &Webhook) -> Value {
    let headers: Vec<_> = webhook
        .headers
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    let accounts: Vec<_> = webhook
        .account_ids
        .iter()
        .map(|id| json!({"id": id, "type": "LINKEDIN"}))
        .collect();
    json!({
        "object": "Webhook",
        "id": webhook.id,
        "type": "AUTO",
        "source": webhook.source,
        "name": webhook.name,
        "request_url": webhook.request_url,
        "enabled": webhook.enabled,
        "format": "json",
        "headers": headers,
        "events": webhook.events,
        "account_ids": accounts,
        "data": [],
    })
}

fn create(state: &mut State, asked: &ApiRequest) -> Answer {
    let Some(body) = asked.body.as_ref().and_then(Value::as_object) else {
        return invalid("The body must be a JSON object");
    };
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let words = |name: &str| -> Option<Vec<String>> {
        let list = body.get(name)?.as_array()?;
        list.iter()
            .map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    // What is sent when no event is named. For the account status that leaves out the most useful ones.
    let default_events: &[&str] = match text("source") {
        Some("users") => &["new_relation"],
        Some("messaging") => &["message_received"],
        Some("account_status") => &[
            "ERROR",
            "CREDENTIALS",
            "DELETED",
            "CREATION_SUCCESS",
            "RECONNECTED",
            "SYNC_SUCCESS",
        ],
        _ => return invalid("source must be users, messaging or account_status"),
    };
    let Some(request_url) = text("request_url").filter(|url| url::Url::parse(url).is_ok()) else {
        return invalid("request_url must be an address");
    };
    let headers = body
        .get("headers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|header| {
            let part = |name: &str| Some(header.get(name)?.as_str()?.to_owned());
            Some((part("key")?, part("value")?))
        })
        .collect();
    let webhook = Webhook {
        source: text("source").unwrap_or_default().to_owned(),
        name: text("name").unwrap_or_default().to_owned(),
        request_url: request_url.to_owned(),
        enabled: body.get("enabled").and_then(Value::as_bool).unwrap_or(true),
        events: words("events")
            .unwrap_or_else(|| default_events.iter().map(|&word| word.to_owned()).collect()),
        account_ids: words("account_ids").unwrap_or_default(),
        headers,
        id: format!("we_{:020}", state.fresh()),
    };
    let id = webhook.id.clone();
    state.webhooks.push(webhook);
    Answer::json(201, &json!({"object": "WebhookCreated", "webhook_id": id}))
}
