//! `GET /v2/{acc}/chats/{chat_id}`: who takes part in a chat.

use serde_json::json;

use super::errors::error;
use super::relations::user;
use crate::sim::answer::Answer;
use crate::sim::state::State;

pub(super) fn get(state: &State, account: &str, chat_id: &str) -> Answer {
    let member = chat_id
        .strip_prefix(&format!("chat_{account}_"))
        .and_then(|number| state.members.get(&number.parse().ok()?));
    let Some(member) = member else {
        return error(404, "provider/resource_not_found", "Chat not found");
    };
    Answer::json(
        200,
        &json!({
            "object": "Chat",
            "id": chat_id,
            "name": member.full_name(),
            "provider": "linkedin",
            "type": "1to1",
            "is_1to1": true,
            "is_group": false,
            "user_id": member.provider_id(),
            "user": user(member),
        }),
    )
}
