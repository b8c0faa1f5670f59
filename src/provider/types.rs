//! The answers of the provider. Missing and new fields are tolerated; only what is needed is required.

use serde_json::{Map, Value};

use crate::domain::identity::Identity;
use crate::domain::signal::Person;
use crate::domain::time::Timestamp;

/// One page of the relations list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationsPage {
    /// The relations that identify a person.
    pub items: Vec<Relation>,
    /// Where the next page starts, or `None` on the last page.
    pub cursor: Option<String>,
    /// The number of items that identify nobody. They are left out of `items`.
    pub unusable: usize,
}

/// One connection of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The other person.
    pub person: Person,
    /// When the two connected, as the provider says; not checked for plausibility. `None` if it can't be read.
    pub created_at: Option<Timestamp>,
}

impl RelationsPage {
    /// Parses a page. The error is a sentence for operators.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let fields = object(body)?;
        let list = fields
            .get("items")
            .and_then(Value::as_array)
            .ok_or("the list of relations has no items array")?;
        let cursor = match fields.get("cursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(cursor)) if cursor.is_empty() => None,
            Some(Value::String(cursor)) => Some(cursor.clone()),
            Some(_) => return Err("the cursor of the list of relations is not a string".to_owned()),
        };
        if !list.iter().all(Value::is_object) {
            return Err("an item of the list of relations is not an object".to_owned());
        }
        let items: Vec<_> = list.iter().filter_map(Relation::read).collect();
        Ok(Self {
            unusable: list.len() - items.len(),
            items,
            cursor,
        })
    }
}

impl Relation {
    fn read(item: &Value) -> Option<Self> {
        let fields = item.as_object()?;
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
        identity.is_usable().then(|| Self {
            person: person(identity, fields),
            created_at: fields.get("created_at").and_then(instant),
        })
    }
}

/// A person's profile as one account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The person. Compare it with whom was asked for: the provider may answer with somebody else.
    pub person: Person,
    /// `FIRST_DEGREE`, `SECOND_DEGREE`, … as sent.
    pub network_distance: Option<String>,
    /// Whether the provider says that the two are connected.
    pub is_relationship: Option<bool>,
}

impl Profile {
    /// Returns whether the profile shows that the account and the person are connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.network_distance.as_deref() == Some("FIRST_DEGREE")
            || self.is_relationship == Some(true)
    }

    /// Parses a profile. The error is a sentence for operators.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
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
        Ok(Self {
            person: person(identity, &fields),
            network_distance: text(&fields, "network_distance"),
            is_relationship: fields.get("is_relationship").and_then(Value::as_bool),
        })
    }
}

/// A webhook that is registered with the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredWebhook {
    /// The provider's id.
    pub id: String,
    /// `users`, `messaging`, `account_status` and others. Older answers leave it out.
    pub source: Option<String>,
    /// The name it was given.
    pub name: Option<String>,
    /// The address that it sends to.
    pub request_url: String,
    /// Whether it is active. `true` if the answer does not say.
    pub enabled: bool,
    /// Its events, or `None` if the answer does not say.
    pub events: Option<Vec<String>>,
    /// Its static headers, including secrets, or `None` if the answer does not say.
    pub headers: Option<Vec<(String, String)>>,
    /// Whether it sends for some accounts only.
    pub limited: bool,
}

impl RegisteredWebhook {
    /// Parses one page of the list: the webhooks and the next cursor. Items without an id or an address are left out. The error is a
    /// sentence for operators.
    pub(super) fn read_page(body: &[u8]) -> Result<(Vec<Self>, Option<String>), String> {
        let fields = object(body)?;
        let list = fields
            .get("items")
            .and_then(Value::as_array)
            .ok_or("the list of webhooks has no items array")?;
        Ok((
            list.iter().filter_map(Self::read).collect(),
            text(&fields, "cursor"),
        ))
    }

    fn read(item: &Value) -> Option<Self> {
        let fields = item.as_object()?;
        let words = |name: &str| {
            let list = fields.get(name)?.as_array()?;
            Some(
                list.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            )
        };
        let header = |header: &Value| {
            let header = header.as_object()?;
            Some((text(header, "key")?, text(header, "value")?))
        };
        Some(Self {
            id: text(fields, "id").or_else(|| text(fields, "webhook_id"))?,
            source: text(fields, "source"),
            name: text(fields, "name"),
            request_url: text(fields, "request_url")?,
            enabled: fields
                .get("enabled")
                .and_then(Value::as_bool)
                .unwrap_or(true),
            events: words("events"),
            headers: fields
                .get("headers")
                .and_then(Value::as_array)
                .map(|list| list.iter().filter_map(header).collect()),
            limited: fields
                .get("account_ids")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty()),
        })
    }
}

/// Parses the id of a webhook that was just created. The error is a sentence for operators.
pub(super) fn created_webhook_id(body: &[u8]) -> Result<String, String> {
    let fields = object(body)?;
    text(&fields, "webhook_id")
        .or_else(|| text(&fields, "id"))
        .ok_or_else(|| "the new webhook has no webhook_id".to_owned())
}

fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("the body is not a JSON object".to_owned()),
        Err(error) => Err(format!("the body is not JSON ({})", error.classify_text())),
    }
}

/// Describes what is wrong with a JSON text without quoting it.
trait ClassifyText {
    fn classify_text(&self) -> String;
}

impl ClassifyText for serde_json::Error {
    fn classify_text(&self) -> String {
        format!(
            "{:?} at line {}, column {}",
            self.classify(),
            self.line(),
            self.column()
        )
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn person(identity: Identity, fields: &Map<String, Value>) -> Person {
    let name = [text(fields, "first_name"), text(fields, "last_name")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    Person {
        identity,
        name: (!name.is_empty()).then_some(name),
        headline: text(fields, "headline"),
    }
}

/// Parses epoch milliseconds, as a number or as a text of digits.
fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let ms = number.as_f64()?;
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            (ms.is_finite() && ms.abs() < 1e15).then_some(ms as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_page_is_read() {
        let page = RelationsPage::read(include_bytes!(
            "../../tests/data/samples/unipile_relations_page.json"
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
        let page = RelationsPage::read(body).expect("a page");
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
            assert!(RelationsPage::read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Profile::read(br#"{"object": "UserProfile"}"#).is_err());
    }

    #[test]
    fn a_profile_carries_its_number_bare() {
        for urn in [
            r#""731204558""#,
            "731204558",
            r#""urn:li:member:731204558""#,
        ] {
            let body = format!(r#"{{"member_urn": {urn}, "is_relationship": true}}"#);
            let profile = Profile::read(body.as_bytes()).expect("a profile");
            assert_eq!(profile.person.identity.member_number, Some(731_204_558));
            assert!(profile.is_connected());
        }
    }
}
