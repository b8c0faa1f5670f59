//! Every sample, and the rules of `docs/rules/webhooks.md` and `docs/rules/signals.md`, each as a change to a sample.

mod message;
mod v2;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::account::AccountReport;
use crate::domain::signal::{Precision, Signal};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const MIRA: &str = "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s";

const RELATION: &str = include_str!("../../../../tests/data/samples/unipile_new_relation.json");
const RELATION_V2: &str =
    include_str!("../../../../tests/data/samples/unipile_v2_relation_new.json");
const STATUS: &str = include_str!("../../../../tests/data/samples/unipile_account_status.json");
const REPLY: &str = include_str!("../../../../tests/data/samples/unipile_message_reply.json");
const ECHO: &str = include_str!("../../../../tests/data/samples/unipile_message_note_echo.json");
const INMAIL: &str =
    include_str!("../../../../tests/data/samples/unipile_message_inmail_reply.json");

fn key() -> NoteKey {
    NoteKey::new([7; 32])
}

fn sample(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The sample with the values at these JSON pointers replaced; `null` removes nothing, it is sent.
fn with(text: &str, changes: &[(&str, Value)]) -> Value {
    let mut body = sample(text);
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
            other => other[name] = value.clone(),
        }
    }
    body
}

fn read(body: &Value) -> Result<UnipileEvent, BadInput> {
    parse(body.to_string().as_bytes(), NOW, false, &key())
}

fn evidence(body: &Value) -> Signal {
    match read(body).unwrap().kind {
        UnipileKind::Evidence(signal) => *signal,
        other => panic!("{other:?}"),
    }
}

fn ignored_as(body: &Value) -> Source {
    match read(body).unwrap().kind {
        UnipileKind::Ignored { source, reason, .. } => {
            assert!(reason.ends_with('.'), "{reason}");
            source
        }
        other => panic!("{other:?}"),
    }
}

fn refused(body: &Value) -> Option<String> {
    read(body).unwrap_err().field
}

#[test]
fn a_relation() {
    let signal = evidence(&sample(RELATION));
    assert_eq!(signal.source, Source::Webhook);
    assert_eq!(signal.account.as_str(), "acc_eu1");
    assert_eq!(signal.received_at, NOW);
    assert_eq!(signal.person.identity.provider_id.as_deref(), Some(MIRA));
    assert_eq!(signal.person.identity.member_number, Some(731_204_558));
    assert_eq!(
        signal.person.identity.public_identifier.as_deref(),
        Some("mira-halvorsen")
    );
    assert_eq!(signal.person.name.as_deref(), Some("Mira Halvorsen"));
    assert_eq!(signal.claim.precision, Precision::UpperBound);
    assert_eq!(signal.claim.at, None);
    assert!(!signal.claim.presumes_connection && !signal.claim.reply);
    let raw: Value = serde_json::from_str(&signal.raw).unwrap();
    assert_eq!(raw["user_provider_id"], MIRA);
}

#[test]
fn a_relation_of_v2() {
    for name in ["relation.new", "relation.request.accept"] {
        let body = with(RELATION_V2, &[("/type", json!(name))]);
        let event = read(&body).unwrap();
        assert_eq!(
            event.event_ref,
            Some(EventRef {
                provider: Provider::Unipile,
                event_type: name.to_owned(),
                subject: "acc_eu1".to_owned(),
                id: "evt_01J9ZK7W3N".to_owned()
            })
        );
        let signal = evidence(&body);
        assert_eq!(
            signal.person.identity,
            evidence(&sample(RELATION)).person.identity
        );
        assert_eq!(signal.claim.at, Timestamp::parse("2026-05-02T15:14:07Z"));
    }
    let other = with(RELATION_V2, &[("/type", json!("relation.lost"))]);
    assert_eq!(ignored_as(&other), Source::Webhook);
    assert!(read(&other).unwrap().event_ref.is_some());
    let refused_at = |pointer, value| refused(&with(RELATION_V2, &[(pointer, value)]));
    assert_eq!(
        refused_at("/payload", json!(null)).as_deref(),
        Some("payload")
    );
    assert_eq!(
        refused_at("/payload/user", json!([])).as_deref(),
        Some("payload.user")
    );
    assert_eq!(
        refused_at("/payload/user/id", json!(5)).as_deref(),
        Some("payload.user.id")
    );
}

#[test]
fn times_are_read_liberally() {
    let at = |time: Value| evidence(&with(RELATION, &[("/timestamp", time)])).claim.at;
    let expected = Some(Timestamp(1_777_734_846_000));
    for time in [
        json!("2026-05-02T15:14:06.000Z"),
        json!("2026-05-02T17:14:06+02:00"),
        json!("2026-05-02T15:14:06"),
        json!(1_777_734_846_000_i64),
        json!(1_777_734_846),
        json!("1777734846000"),
    ] {
        assert_eq!(at(time.clone()), expected, "{time}");
    }
    for time in [
        json!("now"),
        json!({}),
        json!(1e300),
        json!(null),
        json!("NaN"),
        json!("inf"),
    ] {
        assert_eq!(at(time), None);
    }
}

#[test]
fn what_a_body_needs() {
    for (pointer, value, field) in [
        ("/event", json!(null), "event"),
        ("/event", json!(5), "event"),
        ("/account_id", json!(null), "account_id"),
        ("/account_id", json!(5), "account_id"),
        ("/account_id", json!("a:b"), "account_id"),
        ("/account_id", json!("a\0"), "account_id"),
        ("/user_provider_id", json!(5), "user_provider_id"),
        ("/user_provider_id", json!("a\0b"), "user_provider_id"),
    ] {
        let body = with(RELATION, &[(pointer, value)]);
        assert_eq!(refused(&body).as_deref(), Some(field), "{body}");
    }
    let nobody = with(
        RELATION,
        &[
            ("/user_provider_id", json!(null)),
            ("/user_public_identifier", json!(5)),
            ("/user_profile_url", json!("https://evil.example/in/x")),
        ],
    );
    assert_eq!(refused(&nobody).as_deref(), Some("user_provider_id"));
    assert_eq!(
        refused(&with(STATUS, &[("/AccountStatus/account_id", json!(1))])).as_deref(),
        Some("AccountStatus.account_id")
    );
    assert_eq!(
        refused(&with(STATUS, &[("/AccountStatus/message", json!(null))])).as_deref(),
        Some("AccountStatus.message")
    );
    assert_eq!(
        refused(&json!({"AccountStatus": 1})).as_deref(),
        Some("AccountStatus")
    );
    let without_id = |id: Value| ("/sender/attendee_provider_id", id);
    let without_url = ("/sender/attendee_profile_url", json!(null));
    let without_urn = ("/sender/attendee_specifics", json!(null));
    for changes in [
        vec![without_id(json!(5))],
        vec![
            without_id(json!(null)),
            without_url.clone(),
            without_urn.clone(),
        ],
        vec![
            without_id(json!(" ")),
            without_url.clone(),
            without_urn.clone(),
        ],
        vec![
            without_id(json!("null")),
            without_url.clone(),
            without_urn.clone(),
        ],
        vec![("/sender", json!(null))],
    ] {
        let body = with(REPLY, &changes);
        assert_eq!(
            refused(&body).as_deref(),
            Some("sender.attendee_provider_id")
        );
    }
    // Without an id, the URL or the urn says who wrote it.
    for id in [json!(null), json!(" "), json!("null")] {
        for missing in [&without_url, &without_urn] {
            let body = with(REPLY, &[without_id(id.clone()), missing.clone()]);
            assert_eq!(evidence(&body).person.identity.number(), Some(731_204_558));
        }
    }
    assert_eq!(
        refused(&with(REPLY, &[("/sender", json!("x"))])).as_deref(),
        Some("sender")
    );
    assert_eq!(refused(&json!([1])), None);
}

#[test]
fn other_networks_and_unknown_events() {
    for text in [RELATION, REPLY] {
        for kind in [json!("WHATSAPP"), json!(5), json!("")] {
            let body = with(text, &[("/account_type", kind)]);
            assert_eq!(ignored_as(&body), Source::Webhook);
        }
        evidence(&with(text, &[("/account_type", json!(null))]));
    }
    ignored_as(&with(
        STATUS,
        &[("/AccountStatus/account_type", json!("GOOGLE"))],
    ));
    // Ignored or not, an event id is remembered.
    let other = with(RELATION_V2, &[("/account_type", json!("WHATSAPP"))]);
    assert!(read(&other).unwrap().event_ref.is_some());
    let unknown = with(REPLY, &[("/event", json!("message_edited"))]);
    ignored_as(&unknown);
    assert!(!read(&unknown).unwrap().raw.contains("deck"));
}

#[test]
fn the_health_of_an_account() {
    for (word, expected) in [
        ("OK", AccountReport::Works),
        ("RECONNECTED", AccountReport::Works),
        ("CREATION_SUCCESS", AccountReport::Works),
        ("SYNC_SUCCESS", AccountReport::Works),
        ("CONNECTING", AccountReport::NoChange),
        ("CREDENTIALS", AccountReport::Failed),
        ("ERROR", AccountReport::Failed),
        ("STOPPED", AccountReport::Failed),
        ("DELETED", AccountReport::Failed),
        ("SOMETHING_NEW", AccountReport::Failed),
    ] {
        let kind = read(&with(STATUS, &[("/AccountStatus/message", json!(word))]))
            .unwrap()
            .kind;
        let UnipileKind::Account {
            account,
            message,
            report,
        } = kind
        else {
            panic!("{kind:?}")
        };
        assert_eq!((account.as_str(), message.as_str()), ("acc_eu1", word));
        assert_eq!(report, expected, "{word}");
    }
}

fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    let mut visit = |name: &str, inner: &Value| {
        let here = format!("{at}/{name}");
        pointers(inner, &here, out);
        out.push(here);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, inner)| visit(name, inner)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, inner)| visit(&i.to_string(), inner));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..60), which in 0_usize..6,
        spots in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..10), 1..4),
    ) {
        let _ = parse(&bytes, NOW, true, &key());
        let text = [RELATION, RELATION_V2, STATUS, REPLY, ECHO, INMAIL][which];
        let mut body = sample(text);
        for (spot, odd) in spots {
            let mut all = Vec::new();
            pointers(&body, "", &mut all);
            if all.is_empty() {
                break;
            }
            let odd = [json!(null), json!(true), json!(0), json!(1e300), json!("\u{0}"), json!([[]]), json!({}), json!("9".repeat(9000)), json!(-1), json!(MIRA)][odd].clone();
            *body.pointer_mut(spot.get(all.as_slice()).as_str()).unwrap() = odd;
        }
        if let Ok(event) = read(&body) {
            prop_assert!(!event.raw.contains("deck") && !event.raw.contains("cold-chain"));
            prop_assert!(serde_json::from_str::<Value>(&event.raw).unwrap().is_object());
        }
    }
}
