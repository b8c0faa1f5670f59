//! `POST /api/v1/users/invite`: one invitation, with the provider's own reasons not to send it.

use serde_json::json;

use super::answer::Answer;
use super::server::{ApiRequest, invalid, no_account};
use super::state::{Invite, State};

/// The longest note, in characters.
const NOTE_MAX: usize = 300;

pub(super) fn send(state: &mut State, asked: &ApiRequest) -> Answer {
    let field = |name: &str| asked.body.as_ref()?.get(name)?.as_str();
    let (Some(name), Some(provider_id)) = (field("account_id"), field("provider_id")) else {
        return invalid("account_id and provider_id are needed");
    };
    let note = field("message").filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_MAX) {
        return Answer::error(400, "too_many_characters", "The message is too long.");
    }
    let number = state
        .member(provider_id)
        .filter(|member| member.provider_id() == provider_id)
        .map(|member| member.number);
    let id = format!("7{:018}", state.fresh());
    let Some(account) = state.accounts.get_mut(name).filter(|account| account.on_v1) else {
        return no_account();
    };
    if account.status != "OK" {
        return Answer::error(
            401,
            "disconnected_account",
            "The account appears to be disconnected from the provider service.",
        );
    }
    let Some(number) = number else {
        return Answer::error(422, "invalid_recipient", "The recipient cannot be reached.");
    };
    if account.is_connected(number) {
        return Answer::error(
            422,
            "already_connected",
            "The recipient is already a connection.",
        );
    }
    if account.invites.contains_key(&number) {
        return Answer::error(
            422,
            "already_invited_recently",
            "An invitation has already been sent recently to this recipient.",
        );
    }
    account.invites.insert(
        number,
        Invite {
            id: id.clone(),
            sent_at: asked.now,
            note: note.map(str::to_owned),
        },
    );
    Answer::json(
        201,
        &json!({"object": "UserInvitationSent", "invitation_id": id}),
    )
}
