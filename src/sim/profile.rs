//! `GET /api/v1/users/{identifier}`: one member, as one account sees them.

use serde_json::json;

use super::answer::Answer;
use super::server::{ApiRequest, invalid, no_account};
use super::state::{Account, Member, State};

pub(super) fn get(state: &State, asked: &ApiRequest) -> Answer {
    let identifier = asked.segments.get(1).map_or("", String::as_str);
    let slashed = asked.segments.len() > 2;
    let Some(name) = asked.param("account_id") else {
        return invalid("account_id is missing");
    };
    let Some(account) = state.accounts.get(name).filter(|account| account.on_v1) else {
        return no_account();
    };
    if identifier == "me" {
        return own(account);
    }
    if state.settings.redirect_profiles && !slashed {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&asked.query)
            .finish();
        return Answer::redirect(&format!("{}/?{query}", asked.path));
    }
    match state.member(identifier) {
        Some(member) => Answer::json(200, &seen(account, member)),
        None => Answer::error(
            422,
            "invalid_recipient",
            "The recipient cannot be reached.\nUser not found",
        ),
    }
}

fn seen(account: &Account, member: &Member) -> serde_json::Value {
    let connected = account.is_connected(member.number);
    let mut body = json!({
        "object": "UserProfile",
        "provider": "LINKEDIN",
        "provider_id": member.provider_id(),
        "public_identifier": member.slug,
        "member_urn": member.number.to_string(),
        "first_name": member.first_name,
        "last_name": member.last_name,
        "headline": member.headline,
        "websites": [],
        "is_relationship": connected,
        "network_distance": if connected { "FIRST_DEGREE" } else { "SECOND_DEGREE" },
        "public_profile_url": member.profile_url(),
    });
    if account.invites.contains_key(&member.number) {
        body["invitation"] = json!({"type": "SENT", "status": "PENDING"});
    }
    body
}

/// `me` is a route of its own: whoever takes it for an identifier gets the account's owner.
fn own(account: &Account) -> Answer {
    let owner = &account.owner;
    Answer::json(
        200,
        &json!({
            "object": "AccountOwnerProfile",
            "provider": "LINKEDIN",
            "provider_id": owner.provider_id(),
            "entity_urn": format!("urn:li:fsd_profile:{}", owner.provider_id()),
            "object_urn": format!("urn:li:member:{}", owner.number),
            "first_name": owner.first_name,
            "last_name": owner.last_name,
            "public_identifier": owner.slug,
            "public_profile_url": owner.profile_url(),
            "email": format!("{}@example.invalid", owner.slug),
            "premium": false,
            "open_profile": false,
            "occupation": owner.headline,
            "location": "Hamburg",
            "profile_picture_url": null,
            "recruiter": null,
            "sales_navigator": null,
        }),
    )
}
