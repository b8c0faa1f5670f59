//! `GET /v2/{acc}/users/me/relations`: the account's connections, paged by cursor.

use serde_json::{Value, json};

use super::errors::invalid;
use super::paging::{by_cursor, encode};
use super::state::ListOrder;
use crate::sim::answer::Answer;
use crate::sim::faults::Fault;
use crate::sim::server::ApiRequest;
use crate::sim::state::{Account, Connection, Member, State};

pub(super) fn list(
    state: &State,
    request: &ApiRequest,
    account: &Account,
    fault: Option<&Fault>,
) -> Answer {
    let page = match by_cursor(request, &["search"]) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    if page.skip > 0 && matches!(fault, Some(Fault::ExpiredCursor)) {
        return invalid("Invalid cursor");
    }
    let search = request.param("search").unwrap_or_default().to_lowercase();
    let mut all: Vec<_> = account
        .shown()
        .filter_map(|connection| Some((connection, state.members.get(&connection.member)?)))
        .filter(|(_, member)| member.full_name().to_lowercase().contains(&search))
        .collect();
    if state.settings.v2_order == ListOrder::ByName {
        all.sort_by_key(|(_, member)| (member.last_name.clone(), member.slug.clone()));
    }
    let more = all.len() > page.skip + page.limit;
    let items: Vec<_> = all
        .into_iter()
        .skip(page.skip)
        .take(page.limit)
        .map(item)
        .collect();
    let mut body = json!({"data": items});
    if more {
        body["next_cursor"] = encode(&page, items.len()).into();
    } else if matches!(fault, Some(Fault::Endless)) {
        body["next_cursor"] = encode(&page, 0).into();
    }
    Answer::json(200, &body)
}

fn item((connection, member): (&Connection, &Member)) -> Value {
    json!({
        "object": "UserRelation",
        "id": format!("rel_{}", member.number),
        "user": user(member),
        "created_at": connection.created_at.rfc3339(),
    })
}

/// A person as API v2 shows them.
pub(super) fn user(member: &Member) -> Value {
    json!({
        "object": "User",
        "id": member.provider_id(),
        "type": "individual",
        "display_name": member.full_name(),
        "public_identifier": member.slug,
        "profile_url": member.profile_url(),
        "description": member.headline,
    })
}
