//! Reads the answers of API v1. Missing and new fields are tolerated; only what is needed is required.

use serde_json::{Map, Value};

use crate::domain::identity::Identity;
use crate::domain::ids::AccountId;
use crate::provider::answers::{
    AccountsPage, ListedAccount, ListedHealth, Profile, Relation, RelationsPage, SentInvitation,
    SentInvitationsPage,
};
use crate::provider::json::{
    any_instant, cursor, epoch_ms, full_name, object, objects, person, text,
};

/// Parses a page of the relations list. The error is a sentence for operators.
pub(super) fn relations(body: &[u8]) -> Result<RelationsPage, String> {
    let fields = object(body)?;
    let list = objects(&fields, "items", "relations")?;
    let items: Vec<_> = list.iter().filter_map(|item| relation(item)).collect();
    Ok(RelationsPage {
        unusable: list.len() - items.len(),
        items,
        cursor: cursor(&fields, "cursor", "relations")?,
        newest_first: true,
    })
}

fn relation(fields: &Map<String, Value>) -> Option<Relation> {
    let mut identity = Identity::default();
    if let Some(id) = text(fields, "member_id") {
        identity.fill_from(&Identity::from_id(&id));
    }
    if let Some(urn) = text(fields, "member_urn") {
        identity.fill_from(&Identity::from_member_urn(&urn));
    }
    if let Some(slug) = text(fields, "public_identifier") {
        identity.fill_from(&Identity::from_public_identifier(&slug));
    } else if let Some(url) = text(fields, "public_profile_url") {
        identity.fill_from(&Identity::from_text(&url));
    }
    identity.is_usable().then(|| Relation {
        person: person(identity, full_name(fields), text(fields, "headline")),
        created_at: fields.get("created_at").and_then(epoch_ms),
    })
}

/// Parses a profile. The error is a sentence for operators.
pub(super) fn profile(body: &[u8]) -> Result<Profile, String> {
    let fields = object(body)?;
    let mut identity = Identity::default();
    if let Some(id) = text(&fields, "provider_id") {
        identity.fill_from(&Identity::from_id(&id));
    }
    // A profile has a bare number; other answers have a urn.
    let urn = match fields.get("member_urn") {
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => text(&fields, "member_urn"),
    };
    if let Some(urn) = urn {
        identity.fill_from(&Identity::from_member_urn(&urn));
    }
    if let Some(slug) = text(&fields, "public_identifier") {
        identity.fill_from(&Identity::from_public_identifier(&slug));
    }
    if !identity.is_usable() {
        return Err("the profile identifies nobody".to_owned());
    }
    let invitation = fields.get("invitation").and_then(Value::as_object);
    let says = |name: &str, word: &str| {
        invitation
            .and_then(|fields| text(fields, name))
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    Ok(Profile {
        person: person(identity, full_name(&fields), text(&fields, "headline")),
        network_distance: text(&fields, "network_distance"),
        is_relationship: fields.get("is_relationship").and_then(Value::as_bool),
        connected_at: fields.get("connected_at").and_then(any_instant),
        invitation_pending: says("type", "SENT") && says("status", "PENDING"),
    })
}

/// Parses a page of the sent invitations. The error is a sentence for operators.
pub(super) fn sent_invitations(body: &[u8]) -> Result<SentInvitationsPage, String> {
    let fields = object(body)?;
    let list = objects(&fields, "items", "sent invitations")?;
    let items: Vec<_> = list.iter().filter_map(|item| invitation(item)).collect();
    Ok(SentInvitationsPage {
        unusable: list.len() - items.len(),
        items,
        cursor: cursor(&fields, "cursor", "sent invitations")?,
    })
}

fn invitation(fields: &Map<String, Value>) -> Option<SentInvitation> {
    let mut identity = Identity::default();
    if let Some(id) = text(fields, "invited_user_id") {
        identity.fill_from(&Identity::from_id(&id));
    }
    if let Some(slug) = text(fields, "invited_user_public_id") {
        identity.fill_from(&Identity::from_public_identifier(&slug));
    }
    identity.is_usable().then(|| SentInvitation {
        id: text(fields, "id"),
        person: person(
            identity,
            text(fields, "invited_user"),
            text(fields, "invited_user_description"),
        ),
        sent_at: fields.get("parsed_datetime").and_then(any_instant),
    })
}

/// Parses a page of the account list. The error is a sentence for operators.
pub(super) fn accounts(body: &[u8]) -> Result<AccountsPage, String> {
    let fields = object(body)?;
    let list = objects(&fields, "items", "accounts")?;
    Ok(AccountsPage {
        items: list.iter().filter_map(|item| account(item)).collect(),
        cursor: cursor(&fields, "cursor", "accounts")?,
    })
}

/// Parses one account of the list. The error is a sentence for operators.
pub(super) fn listed_account(body: &[u8]) -> Result<ListedAccount, String> {
    account(&object(body)?).ok_or_else(|| "the answer is no LinkedIn account".to_owned())
}

/// Returns a LinkedIn account. Other accounts are left out.
fn account(fields: &Map<String, Value>) -> Option<ListedAccount> {
    if !text(fields, "type")?.eq_ignore_ascii_case("LINKEDIN") {
        return None;
    }
    let sources = fields.get("sources").and_then(Value::as_array);
    let sources = sources.into_iter().flatten().filter_map(Value::as_object);
    let statuses: Vec<_> = sources
        .filter_map(|source| text(source, "status"))
        .collect();
    let broken = statuses
        .iter()
        .find(|status| !matches!(status.as_str(), "OK" | "CONNECTING"));
    let health = match broken {
        Some(status) => ListedHealth::Unhealthy(status.clone()),
        None if statuses.iter().any(|status| status == "OK") => ListedHealth::Healthy,
        None => ListedHealth::Unknown,
    };
    Some(ListedAccount {
        locked: None,
        id: AccountId::parse(&text(fields, "id")?).ok()?,
        name: text(fields, "name"),
        health,
        formerly: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn the_sample_page_is_read() {
        let page = relations(include_bytes!(
            "../../../../tests/data/samples/unipile_relations_page.json"
        ));
        let page = page.expect("a page");
        assert_eq!((page.items.len(), page.unusable, page.cursor), (1, 0, None));
        let relation = &page.items[0];
        assert_eq!(relation.created_at, Some(Timestamp(1_777_734_846_000)));
        assert_eq!(relation.person.name.as_deref(), Some("Mira Halvorsen"));
        let identity = &relation.person.identity;
        assert_eq!(identity.member_number, Some(731_204_558));
        assert_eq!(
            identity.public_identifier.as_deref(),
            Some("mira-halvorsen")
        );
    }

    #[test]
    fn fields_may_be_missing_new_or_strange() {
        let body = br#"{"new": 1, "items": [
            {"member_id": "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s", "created_at": "1777734846000", "x": []},
            {"member_urn": "urn:li:fsd_profile:ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s", "created_at": 1777734846000.0},
            {"public_profile_url": "https://www.linkedin.com/in/mira-halvorsen/", "created_at": {}},
            {"first_name": "LinkedIn", "last_name": "Member"}
        ]}"#;
        let page = relations(body).expect("a page");
        assert_eq!((page.items.len(), page.unusable), (3, 1));
        let times: Vec<_> = page.items.iter().map(|item| item.created_at).collect();
        let at = Some(Timestamp(1_777_734_846_000));
        assert_eq!(times, [at, at, None]);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for body in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"items": {}}"#,
            r#"{"items": [1]}"#,
            r#"{"items": [], "cursor": 7}"#,
            r#"{"items": ["#,
        ] {
            assert!(relations(body.as_bytes()).is_err(), "{body}");
        }
        assert!(profile(br#"{"object": "UserProfile"}"#).is_err());
    }

    #[test]
    fn a_profile_carries_its_number_bare() {
        for urn in [
            r#""731204558""#,
            "731204558",
            r#""urn:li:member:731204558""#,
        ] {
            let body = format!(r#"{{"member_urn": {urn}, "is_relationship": true}}"#);
            let profile = profile(body.as_bytes()).expect("a profile");
            assert_eq!(profile.person.identity.member_number, Some(731_204_558));
            assert!(profile.is_connected());
        }
    }
}
