//! Webhooks about a new relation: flat in API v1, in an envelope in API v2.

use serde_json::{Value, json};

use super::{UnipileEvent, UnipileKind, read};
use crate::domain::bad_input::BadInput;
use crate::domain::identity::{Identity, is_placeholder};
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::signal::{Claim, Person, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;

pub(super) fn v1(body: &read::Object, now: Timestamp) -> Result<UnipileEvent, BadInput> {
    let account = read::account(body, "account_id")?;
    let fields = PersonFields {
        id: "user_provider_id",
        id_path: "user_provider_id",
        slug: "user_public_identifier",
        url: "user_profile_url",
        name: "user_full_name",
    };
    let person = fields.read(body)?;
    let kept = [
        "event",
        "account_id",
        "account_type",
        "webhook_name",
        "timestamp",
        "user_full_name",
        "user_provider_id",
        "user_public_identifier",
        "user_profile_url",
    ];
    let raw = Value::Object(read::keep(body, &kept)).to_string();
    Ok(event(
        account,
        person,
        read::time(body, "timestamp"),
        Precision::UpperBound,
        now,
        raw,
    ))
}

pub(super) fn v2(body: &read::Object, now: Timestamp) -> Result<UnipileEvent, BadInput> {
    let account = read::account(body, "account_id")?;
    let payload = inner(body, "payload", "payload")?;
    let user = inner(payload, "user", "payload.user")?;
    let fields = PersonFields {
        id: "id",
        id_path: "payload.user.id",
        slug: "public_identifier",
        url: "profile_url",
        name: "display_name",
    };
    let person = fields.read(user)?;
    let mut kept = read::keep(body, &["id", "type", "account_id", "created_at"]);
    let kept_user = read::keep(
        user,
        &["id", "display_name", "public_identifier", "profile_url"],
    );
    let mut kept_payload = read::keep(payload, &["id", "object", "created_at"]);
    kept_payload.insert("user".to_owned(), Value::Object(kept_user));
    kept.insert("payload".to_owned(), json!(kept_payload));
    let raw = Value::Object(kept).to_string();
    // The relation's time says when the two were connected. The event's time says when the provider noticed.
    let connected_at = read::time(payload, "created_at").and_then(|at| at.plausible(now));
    let (at, precision) = match connected_at {
        Some(at) => (Some(at), Precision::Exact),
        None => (read::time(body, "created_at"), Precision::UpperBound),
    };
    Ok(event(account, person, at, precision, now, raw))
}

fn inner<'a>(of: &'a read::Object, key: &str, path: &str) -> Result<&'a read::Object, BadInput> {
    match of.get(key) {
        Some(Value::Object(found)) => Ok(found),
        None | Some(Value::Null) => Err(BadInput::field(path, "is missing")),
        Some(_) => Err(BadInput::field(path, "must be an object")),
    }
}

/// The names of the fields that identify the person.
struct PersonFields {
    id: &'static str,
    id_path: &'static str,
    slug: &'static str,
    url: &'static str,
    name: &'static str,
}

impl PersonFields {
    fn read(&self, of: &read::Object) -> Result<Person, BadInput> {
        let mut identity = match of.get(self.id) {
            None | Some(Value::Null) => Identity::default(),
            Some(Value::String(id)) => {
                let identity = Identity::from_id(id);
                if identity.is_empty() && !id.trim().is_empty() && !is_placeholder(id) {
                    return Err(BadInput::field(self.id_path, "is not an id"));
                }
                identity
            }
            Some(_) => return Err(BadInput::field(self.id_path, "must be a string")),
        };
        if let Some(slug) = read::text(of, self.slug) {
            identity.fill_from(&Identity::from_public_identifier(&slug));
        }
        if let Some(url) = read::text(of, self.url) {
            identity.fill_from(&Identity::from_text(&url));
        }
        if identity.is_empty() {
            return Err(BadInput::field(
                self.id_path,
                "is missing, and no other field of the body identifies the person",
            ));
        }
        Ok(Person {
            identity,
            name: read::text(of, self.name),
            headline: None,
        })
    }
}

fn event(
    account: AccountId,
    person: Person,
    at: Option<Timestamp>,
    precision: Precision,
    received_at: Timestamp,
    raw: String,
) -> UnipileEvent {
    UnipileEvent {
        event_ref: None,
        api: Provider::Unipile,
        raw: raw.clone(),
        kind: UnipileKind::Evidence(Box::new(Signal {
            source: Source::Webhook,
            account,
            received_at,
            subject: Subject::Person,
            person,
            claim: Claim::of(at, precision),
            raw,
        })),
    }
}
