//! `GET /v2/accounts/`: the accounts of the application.

use axum::http::Method;
use serde_json::{Value, json};

use super::errors::{error, no_route};
use super::paging::by_offset;
use crate::sim::answer::Answer;
use crate::sim::server::ApiRequest;
use crate::sim::state::{Account, State};

pub(super) fn answer(state: &State, request: &ApiRequest, rest: &[&str]) -> Answer {
    match (&request.method, rest) {
        (&Method::GET, []) => list(state, request),
        (&Method::GET, [id]) => match find(state, id) {
            Some((name, account)) => Answer::json(200, &item(id, name, account)),
            None => error(404, "api/resource_not_found", "Account not found"),
        },
        _ => no_route(),
    }
}

fn find<'a>(state: &'a State, id: &str) -> Option<(&'a str, &'a Account)> {
    let name = state.v2.accounts.get(id)?;
    Some((name, state.accounts.get(name)?))
}

fn list(state: &State, request: &ApiRequest) -> Answer {
    let page = match by_offset(request, &["status", "provider", "search"]) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    let ids = state.v2.accounts.keys();
    let mut rest = ids
        .filter_map(|id| Some((id, find(state, id)?)))
        .skip(page.skip);
    let items: Vec<_> = rest
        .by_ref()
        .take(page.limit)
        .map(|(id, (name, account))| item(id, name, account))
        .collect();
    let more = rest.next().is_some();
    Answer::json(
        200,
        &json!({"object": "List", "data": items, "has_more": more}),
    )
}

fn item(id: &str, name: &str, account: &Account) -> Value {
    let status = match account.status.as_str() {
        "OK" => "running",
        "ERROR" => "errored",
        _ => "disconnected",
    };
    let mut metadata = json!({"products_connection_status": {"classic": "running"}});
    if account.on_v1 && name != id {
        metadata["v1_account_id"] = name.into();
    }
    json!({
        "object": "Account",
        "id": id,
        "application_id": "app_simulated",
        "user_id": account.owner.provider_id(),
        "name": account.owner.full_name(),
        "provider": "linkedin",
        "status": status,
        "is_locked": account.is_locked,
        "created_at": "2026-08-02T11:20:31.000Z",
        "metadata": metadata,
    })
}
