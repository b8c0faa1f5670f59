//! The simulated API v2, over the same accounts, members and invites as API v1.
//!
//! It is as strict as the real one: pages of at most 100, nothing but `limit` beside a cursor, a cache of one hour for everything about
//! an account, and endpoints that refuse unknown event names. Disconnected accounts are answered 401.

mod accounts;
mod cache;
mod chats;
mod deliver;
mod endpoints;
mod errors;
mod events;
mod invitations;
mod paging;
mod profile;
mod relations;
mod state;
mod world;

use axum::http::Method;

use super::answer::Answer;
use super::faults::{Fault, Route};
use super::server::ApiRequest;
use super::state::State;
use cache::Caching;
pub(super) use errors::error;
pub(super) use events::Envelope;
pub use state::{Conversation, Endpoint, ListOrder};
pub(super) use state::{DEFAULT_EVENTS, V2State};

/// Returns the route of a request, for faults.
pub(super) fn route(request: &ApiRequest) -> Option<Route> {
    let segments = segments(request);
    match (&request.method, segments.as_slice()) {
        (&Method::GET, [_, "users", "me", "relations"]) => Some(Route::Relations),
        (&Method::GET, [_, "users", "me", "relation-requests"]) => Some(Route::SentInvitations),
        (&Method::POST, [_, "users", "me", "relation-requests", ..]) => Some(Route::Invite),
        (&Method::GET, ["accounts", ..]) => Some(Route::Accounts),
        (_, ["webhooks", ..]) => Some(Route::Webhooks),
        (&Method::GET, [_, "chats", _]) => Some(Route::Chat),
        (&Method::GET, [_, "users", _]) => Some(Route::Profile),
        _ => None,
    }
}

/// Returns the id of the account in the path, if the route has one.
pub(super) fn account_id(request: &ApiRequest) -> Option<&str> {
    match segments(request).as_slice() {
        ["accounts" | "webhooks", ..] | [] | [_] => None,
        [id, ..] => Some(id),
    }
}

/// Answers a request whose key is right.
pub(super) fn answer(state: &mut State, request: &ApiRequest, fault: Option<&Fault>) -> Answer {
    let segments = segments(request);
    match segments.as_slice() {
        ["accounts", rest @ ..] => accounts::answer(state, request, rest),
        ["webhooks", "endpoints", rest @ ..] => endpoints::answer(state, request, rest),
        ["webhooks", "conversations"] => endpoints::conversations(state, request),
        [id, rest @ ..] => of_account(state, request, id, rest, fault),
        [] => errors::no_route(),
    }
}

fn of_account(
    state: &mut State,
    request: &ApiRequest,
    id: &str,
    rest: &[&str],
    fault: Option<&Fault>,
) -> Answer {
    let Some(name) = state.v2.accounts.get(id).cloned() else {
        return error(404, "api/resource_not_found", "Account not found");
    };
    let caching = Caching::of(request);
    if let Some(cached) = caching.find(state, request) {
        return cached;
    }
    let Some(account) = state.accounts.get(&name) else {
        return error(404, "api/resource_not_found", "Account not found");
    };
    if account.frozen_at.is_some() {
        return error(
            401,
            "provider/invalid_authorization",
            "The account has to be connected again.",
        );
    }
    let answer = match (&request.method, rest) {
        (&Method::GET, ["users", "me", "relations"]) => {
            relations::list(state, request, account, fault)
        }
        (&Method::GET, ["users", "me", "relation-requests"]) => {
            invitations::list(state, request, account)
        }
        (&Method::POST, ["users", "me", "relation-requests"]) => {
            state.v2.cache.clear();
            return invitations::send(state, request, &name);
        }
        (&Method::POST, ["users", "me", "relation-requests", id, "cancel"]) => {
            state.v2.cache.clear();
            return invitations::cancel(state, &name, id);
        }
        (&Method::GET, ["users", identifier]) => profile::get(state, account, identifier),
        (&Method::GET, ["chats", chat_id]) => chats::get(state, &name, chat_id),
        _ => return errors::no_route(),
    };
    caching.keep(state, request, answer)
}

/// The segments after `/v2`; lists answer with and without the final slash.
fn segments(request: &ApiRequest) -> Vec<&str> {
    let mut segments: Vec<_> = request.segments.iter().map(String::as_str).collect();
    if segments.len() > 1 && segments.last() == Some(&"") {
        segments.pop();
    }
    segments
}
