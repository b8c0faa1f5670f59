//! `/v2/{acc}/users/me/relation-requests`: the pending invitations, which are paged by offset, and sending and cancelling one.

use serde_json::{Value, json};

use super::errors::{error, invalid};
use super::paging::by_offset;
use super::relations::user;
use crate::sim::answer::Answer;
use crate::sim::server::ApiRequest;
use crate::sim::state::{Account, Invite, Member, State};

pub(super) fn list(state: &State, request: &ApiRequest, account: &Account) -> Answer {
    let page = match by_offset(request, &["type"]) {
        Ok(page) => page,
        Err(answer) => return answer,
    };
    match request.param("type") {
        Some("sent") => {}
        Some("received") => return Answer::json(200, &json!({"data": [], "total_count": 0})),
        _ => return invalid("Invalid querystring: type"),
    }
    let mut all: Vec<_> = account
        .invites
        .iter()
        .filter_map(|(number, invite)| Some((invite, state.members.get(number)?)))
        .collect();
    all.sort_by_key(|(invite, _)| (std::cmp::Reverse(invite.sent_at), invite.id.clone()));
    let total = all.len();
    let items: Vec<_> = all
        .into_iter()
        .skip(page.skip)
        .take(page.limit)
        .map(|(invite, member)| item(invite, member))
        .collect();
    let mut body = json!({"data": items});
    if state.settings.v2_total_count {
        body["total_count"] = total.into();
    }
    Answer::json(200, &body)
}

/// An invitation as API v2 shows it.
pub(super) fn item(invite: &Invite, member: &Member) -> Value {
    let mut body = json!({
        "object": "RelationRequest",
        "id": invite.id,
        "type": "sent",
        "user": user(member),
        "created_at": invite.sent_at.rfc3339(),
    });
    if let Some(note) = &invite.note {
        body["message"] = note.as_str().into();
    }
    body
}

pub(super) fn send(state: &mut State, request: &ApiRequest, account: &str) -> Answer {
    let field = |name: &str| request.body.as_ref()?.get(name)?.as_str();
    let Some(id) = field("user_id") else {
        return invalid("user_id is missing");
    };
    let Some(member) = state
        .member(id)
        .filter(|member| member.provider_id() == id)
        .cloned()
    else {
        return error(404, "provider/resource_not_found", "User not found");
    };
    let invite = Invite {
        id: format!("7{:018}", state.fresh()),
        sent_at: request.now,
        note: field("message").map(str::to_owned),
    };
    let Some(of) = state.accounts.get_mut(account) else {
        return error(404, "api/resource_not_found", "Account not found");
    };
    if of.is_connected(member.number) || of.invites.contains_key(&member.number) {
        // The documentation does not name a type for either.
        let detail = "The request could not be processed.";
        return error(422, "provider/unprocessable_entity", detail);
    }
    of.invites.insert(member.number, invite.clone());
    Answer::json(201, &item(&invite, &member))
}

pub(super) fn cancel(state: &mut State, account: &str, id: &str) -> Answer {
    let Some(of) = state.accounts.get_mut(account) else {
        return error(404, "api/resource_not_found", "Account not found");
    };
    let before = of.invites.len();
    of.invites.retain(|_, invite| invite.id != id);
    if of.invites.len() == before {
        return error(404, "provider/resource_not_found", "Request not found");
    }
    Answer::json(200, &json!({"object": "RelationRequestCanceled"}))
}
