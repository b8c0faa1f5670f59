//! `/v2/webhooks/endpoints/` and the delivery log, `/v2/webhooks/conversations/`.

use axum::http::Method;
use serde_json::{Value, json};

use super::errors::{error, invalid, no_route};
use super::paging::by_offset;
use super::state::Endpoint;
use crate::sim::answer::Answer;
use crate::sim::server::ApiRequest;
use crate::sim::state::State;

/// The longest address and description, in characters.
const TEXT_MAX: usize = 255;

pub(super) fn answer(state: &mut State, request: &ApiRequest, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => list(state, request),
        (&Method::POST, []) => create(state, request),
        (&Method::GET, [id]) => match find(state, id) {
            Some(place) => Answer::json(200, &shown(&state.v2.endpoints[place])),
            None => not_found(),
        },
        (&Method::PATCH, [id]) => change(state, request, id),
        (&Method::DELETE, [id]) => match find(state, id) {
            Some(place) => {
                state.v2.endpoints.remove(place);
                Answer::json(200, &json!({"success": true}))
            }
            None => not_found(),
        },
        _ => no_route(),
    }
}

fn find(state: &State, id: &str) -> Option<usize> {
    state.v2.endpoints.iter().position(|one| one.id == id)
}

fn not_found() -> Answer {
    error(404, "api/resource_not_found", "Endpoint not found")
}

fn list(state: &State, request: &ApiRequest) -> Answer {
    let page = match by_offset(request, &[]) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let all = &state.v2.endpoints;
    let items: Vec<_> = all
        .iter()
        .skip(page.skip)
        .take(page.limit)
        .map(shown)
        .collect();
    let more = all.len() > page.skip + items.len();
    Answer::json(
        200,
        &json!({"object": "List", "data": items, "has_more": more}),
    )
}

fn shown(endpoint: &Endpoint) -> Value {
    json!({
        "object": "WebhookEndpoint",
        "id": endpoint.id,
        "application_id": "app_simulated",
        "enabled": endpoint.enabled,
        "url": endpoint.url,
        "description": endpoint.description,
        "trigger_events": endpoint.trigger_events,
        "account_ids": endpoint.account_ids,
        "account_targets": [],
        "secret": endpoint.secret,
    })
}

fn create(state: &mut State, request: &ApiRequest) -> Answer {
    let number = state.fresh();
    let mut endpoint = Endpoint {
        id: format!("we_{number:026}"),
        url: String::new(),
        trigger_events: Vec::new(),
        account_ids: Vec::new(),
        enabled: true,
        description: String::new(),
        secret: format!("wes_{number:032}"),
    };
    if let Err(answer) = fill(state, request, &mut endpoint) {
        return answer;
    }
    if endpoint.url.is_empty() || endpoint.trigger_events.is_empty() {
        return invalid("url and trigger_events are needed");
    }
    let body = shown(&endpoint);
    state.v2.endpoints.push(endpoint);
    Answer::json(200, &body)
}

fn change(state: &mut State, request: &ApiRequest, id: &str) -> Answer {
    let Some(place) = find(state, id) else {
        return not_found();
    };
    let mut endpoint = state.v2.endpoints[place].clone();
    if let Err(answer) = fill(state, request, &mut endpoint) {
        return answer;
    }
    let body = shown(&endpoint);
    state.v2.endpoints[place] = endpoint;
    Answer::json(200, &body)
}

/// Takes over what the body says, or refuses it whole.
fn fill(state: &State, request: &ApiRequest, endpoint: &mut Endpoint) -> Result<(), Answer> {
    let fields = request.body.as_ref().and_then(Value::as_object);
    let fields = fields.ok_or_else(|| invalid("The body must be a JSON object"))?;
    for (name, value) in fields {
        let wrong = || invalid(&format!("Invalid body: {name}"));
        let words = || -> Result<Vec<String>, Answer> {
            serde_json::from_value(value.clone()).map_err(|_| wrong())
        };
        let text = || {
            value
                .as_str()
                .filter(|text| text.chars().count() <= TEXT_MAX)
        };
        match name.as_str() {
            "url" => {
                let url = text().filter(|text| url::Url::parse(text).is_ok());
                url.ok_or_else(wrong)?.clone_into(&mut endpoint.url);
            }
            "description" => text()
                .ok_or_else(wrong)?
                .clone_into(&mut endpoint.description),
            "enabled" => endpoint.enabled = value.as_bool().ok_or_else(wrong)?,
            "account_ids" => endpoint.account_ids = words()?,
            "trigger_events" => {
                let names = words()?;
                if let Some(unknown) = names
                    .iter()
                    .find(|name| !state.settings.v2_events.contains(name))
                {
                    // One unknown name refuses the whole request.
                    return Err(invalid(&format!("Invalid body: trigger_events: {unknown}")));
                }
                endpoint.trigger_events = names;
            }
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

/// The delivery log, newest first.
pub(super) fn conversations(state: &State, request: &ApiRequest) -> Answer {
    let page = match by_offset(request, &["endpoint_id", "event_id"]) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let fits = |name: &str, value: &str| request.param(name).is_none_or(|wanted| wanted == value);
    let mut rest = state
        .v2
        .conversations
        .iter()
        .rev()
        .filter(|line| fits("endpoint_id", &line.endpoint_id) && fits("event_id", &line.event_id))
        .skip(page.skip);
    let items: Vec<_> = rest
        .by_ref()
        .take(page.limit)
        .map(|line| {
            json!({
                "id": line.id,
                "event_id": line.event_id,
                "event_type": line.event_type,
                "endpoint_id": line.endpoint_id,
                "first_attempt": line.first_attempt,
                "http_status": line.http_status,
                "created_at": line.created_at.rfc3339(),
            })
        })
        .collect();
    let more = rest.next().is_some();
    Answer::json(
        200,
        &json!({"object": "List", "data": items, "has_more": more}),
    )
}
