//! `GET /v2/{acc}/users/{identifier}`: one member, as one account sees them.

use serde_json::json;

use super::errors::error;
use super::invitations;
use super::relations::user;
use crate::sim::answer::Answer;
use crate::sim::state::{Account, State};

pub(super) fn get(state: &State, account: &Account, identifier: &str) -> Answer {
    let member = if identifier == "me" {
        Some(&account.owner)
    } else {
        state.member(identifier)
    };
    let Some(member) = member else {
        return error(404, "provider/resource_not_found", "User not found");
    };
    let mut body = user(member);
    body["object"] = "UserProfile".into();
    body["provider"] = "linkedin".into();
    body["first_name"] = member.first_name.as_str().into();
    body["last_name"] = member.last_name.as_str().into();
    let distance = if member.number == account.owner.number {
        "SELF"
    } else if account.is_connected(member.number) {
        "FIRST_DEGREE"
    } else {
        "SECOND_DEGREE"
    };
    body["specifics"] = json!({
        "member_id": member.number.to_string(),
        "network_distance": distance,
    });
    if let Some(invite) = account.invites.get(&member.number) {
        body["specifics"]["relation_request"] = invitations::item(invite, member);
        body["specifics"]["relation_request_status"] = "PENDING".into();
    }
    Answer::json(200, &body)
}
