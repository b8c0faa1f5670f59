//! `GET /api/v1/accounts`: the connected accounts.

use serde_json::{Value, json};

use super::answer::Answer;
use super::server::{ApiRequest, invalid, no_account};
use super::state::{Account, State};

const LIMIT_MAX: usize = 250;
const LIMIT_DEFAULT: usize = 100;

pub(super) fn answer(state: &State, asked: &ApiRequest) -> Answer {
    if let Some(id) = asked.segments.get(1) {
        return match state.accounts.get(id).filter(|account| account.on_v1) {
            Some(account) => Answer::json(200, &item(id, account)),
            None => no_account(),
        };
    }
    let limit = match asked.param("limit").map(str::parse) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => return invalid("limit must be between 1 and 250"),
    };
    // The cursor is the last id.
    let after = asked.param("cursor").unwrap_or_default();
    let mut rest = state
        .accounts
        .iter()
        .filter(|(id, account)| account.on_v1 && id.as_str() > after);
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let cursor = rest
        .next()
        .and_then(|_| page.last().map(|(id, _)| (*id).clone()));
    let items: Vec<_> = page
        .into_iter()
        .map(|(id, account)| item(id, account))
        .collect();
    Answer::json(
        200,
        &json!({"object": "AccountList", "items": items, "cursor": cursor}),
    )
}

fn item(id: &str, account: &Account) -> Value {
    json!({
        "object": "Account",
        "id": id,
        "name": account.owner.full_name(),
        "type": "LINKEDIN",
        "created_at": "2026-08-02T11:20:31.000Z",
        "sources": [{"id": format!("{id}_MESSAGING"), "status": account.status}],
        "groups": [],
    })
}
