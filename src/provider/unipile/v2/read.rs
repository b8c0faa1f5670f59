//! Reads the answers of API v2. It is a beta: missing and new fields, values and objects must not break a reader.

use serde_json::{Map, Value};

use super::place::Place;
use crate::domain::identity::Identity;
use crate::domain::ids::AccountId;
use crate::domain::signal::Person;
use crate::provider::answers::{
    AccountsPage, Chat, ListedAccount, ListedHealth, Profile, Relation, RelationsPage,
    SentInvitation, SentInvitationsPage,
};
use crate::provider::json::{any_instant, child, cursor, full_name, objects, person, text};

type Fields = Map<String, Value>;

/// Reads a page of relations that was asked for with `limit` at `place`. The error is a sentence for operators.
pub(super) fn relations(
    fields: &Fields,
    place: &Place,
    limit: u32,
) -> Result<RelationsPage, String> {
    let list = objects(fields, "data", "relations")?;
    let items: Vec<_> = list.iter().filter_map(|item| relation(item)).collect();
    let next = cursor(fields, "next_cursor", "relations")?;
    Ok(RelationsPage {
        unusable: list.len() - items.len(),
        items,
        cursor: place
            .next(next, list.len(), limit)
            .map(|place| place.to_string()),
        newest_first: false,
    })
}

fn relation(fields: &Fields) -> Option<Relation> {
    Some(Relation {
        person: user(child(fields, "user")?)?,
        created_at: fields.get("created_at").and_then(any_instant),
    })
}

/// Returns the person of a `User`, if it identifies one.
fn user(fields: &Fields) -> Option<Person> {
    let other_kind =
        text(fields, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("organization"));
    let mut identity = Identity::default();
    if let Some(id) = text(fields, "id") {
        identity.fill_from(&Identity::from_id(&id));
    }
    if let Some(slug) = text(fields, "public_identifier") {
        identity.fill_from(&Identity::from_public_identifier(&slug));
    } else if let Some(url) = text(fields, "profile_url") {
        identity.fill_from(&Identity::from_text(&url));
    }
    let name = text(fields, "display_name").or_else(|| full_name(fields));
    (identity.is_usable() && !other_kind)
        .then(|| person(identity, name, text(fields, "description")))
}

/// Reads a profile. The error is a sentence for operators.
pub(super) fn profile(fields: &Fields) -> Result<Profile, String> {
    let mut person = user(fields).ok_or("the profile identifies nobody")?;
    let empty = Map::new();
    let specifics = child(fields, "specifics").unwrap_or(&empty);
    let number = match specifics.get("member_id") {
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => text(specifics, "member_id"),
    };
    if let Some(number) = number {
        person
            .identity
            .fill_from(&Identity::from_member_urn(&number));
    }
    let sent = child(specifics, "relation_request")
        .and_then(|request| text(request, "type"))
        .is_some_and(|kind| kind.eq_ignore_ascii_case("sent"));
    let status = text(specifics, "relation_request_status");
    let connected_at = fields
        .get("connected_at")
        .or_else(|| specifics.get("connected_at"));
    Ok(Profile {
        person,
        network_distance: text(specifics, "network_distance"),
        is_relationship: None,
        connected_at: connected_at.and_then(any_instant),
        invitation_pending: sent
            && status.is_none_or(|status| status.eq_ignore_ascii_case("PENDING")),
    })
}

/// Reads a page of the sent invitations. The list ends at an empty page, or when `total_count` items were read. The error is a
/// sentence for operators.
pub(super) fn sent_invitations(
    fields: &Fields,
    offset: u64,
    limit: u32,
) -> Result<SentInvitationsPage, String> {
    let list = objects(fields, "data", "sent invitations")?;
    let items: Vec<_> = list.iter().filter_map(|item| invitation(item)).collect();
    let total = fields.get("total_count").and_then(Value::as_u64);
    let read = offset.saturating_add(list.len() as u64);
    let ended = list.is_empty() || total.is_some_and(|total| read >= total);
    // The next page starts `limit` further on, also after a page that was not full.
    let next = offset.saturating_add(u64::from(limit));
    Ok(SentInvitationsPage {
        unusable: list.len() - items.len(),
        items,
        cursor: (!ended).then(|| Place::Offset(next).to_string()),
    })
}

fn invitation(fields: &Fields) -> Option<SentInvitation> {
    Some(SentInvitation {
        id: text(fields, "id"),
        person: user(child(fields, "user")?)?,
        sent_at: fields.get("created_at").and_then(any_instant),
    })
}

/// Reads a chat. The error is a sentence for operators.
pub(super) fn chat(fields: &Fields) -> Result<Chat, String> {
    let flag = fields.get("is_1to1").and_then(Value::as_bool);
    let one_to_one = match text(fields, "type") {
        Some(kind) => kind.eq_ignore_ascii_case("1to1"),
        None => flag.ok_or("the chat says neither type nor is_1to1")?,
    };
    let other = child(fields, "user").and_then(user).or_else(|| {
        let identity = Identity::from_id(&text(fields, "user_id")?);
        identity.is_usable().then(|| person(identity, None, None))
    });
    Ok(Chat { one_to_one, other })
}

/// Reads a page of the account list. The error is a sentence for operators.
pub(super) fn accounts(fields: &Fields, offset: u64) -> Result<AccountsPage, String> {
    let list = objects(fields, "data", "accounts")?;
    let more = fields.get("has_more").and_then(Value::as_bool) == Some(true);
    let next = Place::Offset(offset.saturating_add(list.len() as u64));
    Ok(AccountsPage {
        items: list.iter().filter_map(|item| account(item)).collect(),
        cursor: (more && !list.is_empty()).then(|| next.to_string()),
    })
}

/// Returns a LinkedIn account. Other accounts are left out.
pub(super) fn account(fields: &Fields) -> Option<ListedAccount> {
    if !text(fields, "provider")?.eq_ignore_ascii_case("linkedin") {
        return None;
    }
    let id = AccountId::parse(&text(fields, "id")?).ok()?;
    let metadata = child(fields, "metadata");
    let former = metadata.and_then(|metadata| text(metadata, "v1_account_id"));
    Some(ListedAccount {
        name: text(fields, "name"),
        health: health(fields),
        locked: fields.get("is_locked").and_then(Value::as_bool),
        formerly: former
            .and_then(|former| AccountId::parse(&former).ok())
            .filter(|former| *former != id),
        id,
    })
}

/// Returns whether the account can be used for invitations: of its products, only `classic` matters.
fn health(fields: &Fields) -> ListedHealth {
    let Some(status) = text(fields, "status") else {
        return ListedHealth::Unknown;
    };
    match status.to_ascii_lowercase().as_str() {
        "running" | "degraded" => ListedHealth::Healthy,
        "disconnected" | "errored" | "paused" => ListedHealth::Unhealthy(status),
        "partial" => {
            let classic = child(fields, "metadata")
                .and_then(|metadata| child(metadata, "products_connection_status"))
                .and_then(|products| text(products, "classic"));
            match classic.as_deref() {
                Some("running") => ListedHealth::Healthy,
                Some(word @ ("disconnected" | "errored")) => {
                    ListedHealth::Unhealthy(word.to_owned())
                }
                _ => ListedHealth::Unknown,
            }
        }
        _ => ListedHealth::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::provider::json::object;

    macro_rules! sample {
        ($name:literal) => {
            object(include_bytes!(concat!(
                "../../../../tests/data/samples/unipile_v2_",
                $name,
                ".json"
            )))
            .expect("a sample")
        };
    }

    fn time(text: &str) -> Option<Timestamp> {
        Some(Timestamp::parse(text).expect("a time"))
    }

    #[test]
    fn the_sample_page_of_relations_is_read() {
        let page = relations(&sample!("relations_page"), &Place::Offset(0), 3).expect("a page");
        assert_eq!((page.items.len(), page.unusable), (3, 0));
        assert!(!page.newest_first, "no order is promised");
        let first = &page.items[0];
        assert_eq!(first.created_at, time("2026-11-20T14:02:51Z"));
        assert_eq!(first.person.name.as_deref(), Some("Orla Wexcombe"));
        assert_eq!(page.items[2].created_at, None);
        let slug = page.items[2].person.identity.public_identifier.as_deref();
        assert_eq!(slug, Some("inès-quarrel"));
        let cursor = page.cursor.expect("a cursor");
        assert_eq!(cursor, "cursor:eyJsaW1pdCI6Mywic3RhcnQiOjN9");
    }

    #[test]
    fn the_sample_profile_shows_a_pending_invitation() {
        let seen = profile(&sample!("profile_pending")).expect("a profile");
        assert!(seen.invitation_pending && !seen.is_connected());
        assert_eq!(seen.person.identity.member_number, Some(512_877_690));
        assert_eq!(seen.connected_at, None);
    }

    #[test]
    fn the_sample_list_of_sent_invitations_ends_at_its_total() {
        let page = sent_invitations(&sample!("relation_requests_sent"), 0, 100).expect("a page");
        assert_eq!((page.items.len(), page.unusable, page.cursor), (2, 0, None));
        assert_eq!(page.items[0].sent_at, time("2026-11-21T09:12:00Z"));
    }

    #[test]
    fn the_sample_chat_names_the_other_person() {
        let chat = chat(&sample!("chat_1to1")).expect("a chat");
        assert!(chat.one_to_one);
        let other = chat.other.expect("a person").identity;
        assert_eq!(
            other.provider_id.as_deref(),
            Some("ACoAACxMWaEBXD9m-8tiJ9VV3Mf5N-wQ99MxEfs")
        );
    }

    #[test]
    fn of_a_partial_account_only_classic_counts() {
        let mut fields = sample!("account");
        let listed = account(&fields).expect("an account");
        assert_eq!(listed.health, ListedHealth::Healthy);
        assert_eq!(listed.name.as_deref(), Some("Piet Hallam"));
        let former = listed.formerly.expect("another id");
        assert_eq!(former.as_str(), "q3Vt0aYkR2iWm7ZpQe5sLg");
        fields["metadata"]["products_connection_status"]["classic"] = "errored".into();
        assert_eq!(
            health(&fields),
            ListedHealth::Unhealthy("errored".to_owned())
        );
        fields["metadata"] = serde_json::json!({});
        assert_eq!(health(&fields), ListedHealth::Unknown);
        fields["is_locked"] = true.into();
        let locked = account(&fields).expect("an account").locked;
        assert_eq!(locked, Some(true));
    }

    #[test]
    fn what_is_new_or_missing_breaks_nothing() {
        let read = |text: &str| object(text.as_bytes()).expect("an object");
        let page = relations(
            &read(r#"{"data": [{"user": {"id": "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s", "type": "robot", "new": []}, "created_at": 7},
                {"user": {"id": "x", "type": "organization"}}, {"user": null}, {}]}"#),
            &Place::Offset(0),
            100,
        )
        .expect("a page");
        assert_eq!((page.items.len(), page.unusable, page.cursor), (1, 3, None));
        let odd = read(r#"{"id": "acc_1", "provider": "LINKEDIN", "status": "hibernating"}"#);
        assert_eq!(
            account(&odd).expect("an account").health,
            ListedHealth::Unknown
        );
        assert!(account(&read(r#"{"id": "acc_1", "provider": "google"}"#)).is_none());
    }
}
