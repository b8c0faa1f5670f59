//! Message webhooks: a reply of the prospect, a note echo, or neither. See `docs/rules/signals.md`.

use serde_json::Value;

use super::{UnipileEvent, UnipileKind, read};
use crate::domain::bad_input::BadInput;
use crate::domain::identity::Identity;
use crate::domain::note::NoteKey;
use crate::domain::provider::Provider;
use crate::domain::signal::{Claim, Person, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;

/// The path of the field that usually identifies the author.
const SENDER_ID: &str = "sender.attendee_provider_id";

/// Parts of the message types and chat types that can reach people who are not connected.
const UNSOLICITED: [&str; 3] = ["INMAIL", "SPONSORED", "LINKEDIN_OFFER"];

pub(super) fn parse(
    body: &read::Object,
    now: Timestamp,
    keep_text: bool,
    key: &NoteKey,
) -> Result<UnipileEvent, BadInput> {
    let account = read::account(body, "account_id")?;
    let participants = Participants::read(body)?;
    let source = if participants.own {
        Source::NoteEcho
    } else {
        Source::Reply
    };
    let nothing = |reason: &str| UnipileEvent {
        event_ref: None,
        api: Provider::Unipile,
        kind: UnipileKind::Ignored {
            account: Some(account.clone()),
            source,
            identity: participants
                .other
                .as_ref()
                .map(|other| other.person.identity.clone())
                .unwrap_or_default(),
            reason: reason.to_owned(),
        },
        raw: raw(body, participants.other.as_ref()),
    };
    if ["message_type", "chat_content_type"]
        .iter()
        .any(|field| unsolicited(body, field))
    {
        return Ok(nothing(
            "An InMail or a sponsored message does not require a connection.",
        ));
    }
    if read::flag(body, "is_group") || participants.is_group {
        return Ok(nothing("A group chat does not prove a connection."));
    }
    sender_is_named(body, participants.other.is_some())?;
    let Some(other) = &participants.other else {
        if participants.own {
            return Ok(nothing("The message does not identify its recipient."));
        }
        return Err(BadInput::field(SENDER_ID, "is not an id"));
    };

    let text = body
        .get("message")
        .and_then(Value::as_str)
        .filter(|t| !t.trim().is_empty());
    let mut claim = Claim::of(read::time(body, "timestamp"), Precision::UpperBound);
    if participants.own {
        let invitation = read::text(body, "message_type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("INVITATION"));
        if !invitation {
            let Some(text) = text else {
                return Ok(nothing(
                    "The account wrote this message, and it has no text that could be the note of an invite.",
                ));
            };
            claim.only_if_note = Some(key.hash(text));
        }
    } else {
        if other.is_distant {
            return Ok(nothing("The sender is not a first-degree connection."));
        }
        claim.precision = Precision::Inferred;
        claim.reply = true;
        claim.presumes_connection = true;
        claim.preview = text.filter(|_| keep_text).and_then(read::preview);
    }
    let raw = raw(body, Some(other));
    Ok(UnipileEvent {
        event_ref: None,
        api: Provider::Unipile,
        raw: raw.clone(),
        kind: UnipileKind::Evidence(Box::new(Signal {
            source,
            account,
            received_at: now,
            subject: Subject::Person,
            person: other.person.clone(),
            claim,
            raw,
        })),
    })
}

fn unsolicited(body: &read::Object, field: &str) -> bool {
    read::text(body, field).is_some_and(|kind| {
        let kind = kind.to_ascii_uppercase();
        UNSOLICITED.iter().any(|word| kind.contains(word))
    })
}

/// Checks that the body identifies the author. Its id may be missing if the other side is known without it: the author of a reply
/// by URL, URN or public identifier, the recipient of a message of the account by any id.
fn sender_is_named(body: &read::Object, other_is_known: bool) -> Result<(), BadInput> {
    let empty = read::Object::new();
    let sender = read::child(body, "sender").unwrap_or(&empty);
    match sender.get("attendee_provider_id") {
        None | Some(Value::Null) if other_is_known => Ok(()),
        Some(Value::String(id)) if other_is_known && id.trim().is_empty() => Ok(()),
        _ => read::needed(sender, "attendee_provider_id", SENDER_ID).map(|_| ()),
    }
}

/// The author and the other side of a message.
struct Participants {
    /// Whether the account itself wrote the message.
    own: bool,
    /// The other side, if the body identifies it.
    other: Option<Attendee>,
    /// Whether there is more than one other person.
    is_group: bool,
}

impl Participants {
    fn read(body: &read::Object) -> Result<Self, BadInput> {
        let sender = match body.get("sender") {
            Some(Value::Object(sender)) => Attendee::read(sender),
            None | Some(Value::Null) => None,
            Some(_) => return Err(BadInput::field("sender", "must be an object")),
        };
        let mut selves: Vec<Identity> = read::child(body, "account_info")
            .and_then(|info| read::text(info, "user_id"))
            .map(|id| {
                vec![
                    Identity::from_id(&id),
                    Identity::from_member_urn(&id),
                    Identity::from_public_identifier(&id),
                ]
            })
            .unwrap_or_default();
        let own = read::flag(body, "is_sender")
            || sender
                .as_ref()
                .is_some_and(|s| s.is_self || s.is_one_of(&selves));
        let self_known = own || !selves.is_empty();
        let mut others: Vec<Attendee> = Vec::new();
        if let Some(sender) = sender {
            if own {
                selves.push(sender.person.identity);
            } else {
                others.push(sender);
            }
        }
        let written_by_other = !others.is_empty();
        let attendees = body.get("attendees").and_then(Value::as_array);
        for attendee in attendees.into_iter().flatten() {
            let Some(attendee) = attendee.as_object().and_then(Attendee::read) else {
                continue;
            };
            if attendee.is_self || attendee.is_one_of(&selves) {
                continue;
            }
            let known = others
                .iter()
                .position(|o| o.person.identity.same_person(&attendee.person.identity));
            match known {
                Some(at) => others[at].add(attendee),
                // Three are enough to know that it is a group.
                None if others.len() < 3 => others.push(attendee),
                None => {}
            }
        }
        // If the body does not identify the account, one of two others may be the account.
        let most = if self_known || !written_by_other {
            1
        } else {
            2
        };
        let is_group = others.len() > most;
        // If the other side wrote the message, the sender comes first. Without a sender the author is unknown.
        let other = (own || written_by_other)
            .then(|| others.into_iter().next())
            .flatten();
        Ok(Self {
            own,
            other,
            is_group,
        })
    }
}

/// One person in a chat.
struct Attendee {
    person: Person,
    is_self: bool,
    /// Whether the provider says that the person is not a first-degree connection.
    is_distant: bool,
    /// The ids as the provider sent them.
    kept: read::Object,
}

impl Attendee {
    /// Reads an attendee. `None` if no field identifies the person.
    fn read(of: &read::Object) -> Option<Self> {
        let empty = read::Object::new();
        let specifics = read::child(of, "attendee_specifics").unwrap_or(&empty);
        let mut identity = read::text(of, "attendee_provider_id")
            .map(|id| Identity::from_id(&id))
            .unwrap_or_default();
        if let Some(urn) = member_urn(specifics) {
            identity.fill_from(&Identity::from_member_urn(&urn));
        }
        if let Some(slug) = read::text(of, "attendee_public_identifier") {
            identity.fill_from(&Identity::from_public_identifier(&slug));
        }
        if let Some(url) = read::text(of, "attendee_profile_url") {
            identity.fill_from(&Identity::from_text(&url));
        }
        if identity.is_empty() {
            return None;
        }
        let mut kept = read::keep(
            of,
            &[
                "attendee_id",
                "attendee_provider_id",
                "attendee_public_identifier",
                "attendee_profile_url",
            ],
        );
        let kept_specifics = read::keep(specifics, &["member_urn", "network_distance"]);
        kept.insert(
            "attendee_specifics".to_owned(),
            Value::Object(kept_specifics),
        );
        Some(Self {
            person: Person {
                identity,
                name: read::text(of, "attendee_name"),
                headline: read::text(specifics, "occupation"),
            },
            is_self: read::flag(of, "is_self"),
            is_distant: distance_is_not_one(specifics),
            kept,
        })
    }

    fn is_one_of(&self, selves: &[Identity]) -> bool {
        selves
            .iter()
            .any(|me| me.same_person(&self.person.identity))
    }

    fn add(&mut self, same: Self) {
        self.person.identity.fill_from(&same.person.identity);
        self.person.name = self.person.name.take().or(same.person.name);
        self.person.headline = self.person.headline.take().or(same.person.headline);
        self.is_distant |= same.is_distant;
    }
}

fn member_urn(specifics: &read::Object) -> Option<String> {
    match specifics.get("member_urn")? {
        Value::Number(n) => Some(n.to_string()),
        _ => read::text(specifics, "member_urn"),
    }
}

/// Whether a network distance is given and is not 1.
fn distance_is_not_one(specifics: &read::Object) -> bool {
    match specifics.get("network_distance") {
        Some(Value::Number(n)) => n.as_f64() != Some(1.0),
        Some(Value::String(word)) if !word.trim().is_empty() => {
            !["DISTANCE_1", "FIRST_DEGREE", "1"]
                .contains(&word.trim().to_ascii_uppercase().as_str())
        }
        _ => false,
    }
}

/// Returns the part of a message that is kept: ids and types, but no name and no text.
fn raw(body: &read::Object, other: Option<&Attendee>) -> String {
    let mut kept = read::keep(
        body,
        &[
            "event",
            "account_id",
            "account_type",
            "chat_id",
            "message_id",
            "timestamp",
            "message_type",
            "chat_content_type",
            "is_sender",
            "is_group",
        ],
    );
    if let Some(other) = other {
        kept.insert("other_side".to_owned(), Value::Object(other.kept.clone()));
    }
    Value::Object(kept).to_string()
}
