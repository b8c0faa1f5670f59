//! What is kept of evidence can be read again, also as the first version wrote it.

use super::*;
use crate::domain::identity::Identity;
use crate::domain::signal::Precision;
use crate::domain::time::Timestamp;

fn evidence(body: &str) -> Evidence {
    Evidence {
        id: 1,
        received_at: Timestamp(0),
        source: Source::Webhook,
        account: "acc_1".to_owned(),
        outcome: Outcome::Unmatched,
        reason: String::new(),
        body: body.to_owned(),
    }
}

#[test]
fn evidence_of_the_first_version_is_read() {
    let (_, kept) = read(&evidence(include_str!(
        "../../../tests/data/evidence_v1.json"
    )))
    .expect("it is read");
    let person = Identity::from_id("ACoAACuVS84B3jU7P37U7KAYPfOn7yuxHOev8JE");
    assert_eq!(kept.person.identity, person);
    assert!(kept.claim.reply && kept.claim.presumes_connection);
    assert_eq!(kept.claim.precision, Precision::Inferred);
    assert_eq!(kept.claim.at, Timestamp::parse("2026-11-24T16:03:59.786Z"));
}

#[test]
fn missing_fields_get_defaults_and_unreadable_rows_are_skipped() {
    let (_, kept) = read(&evidence("{}")).expect("it is read");
    assert_eq!(kept.claim, Claim::of(None, Precision::UpperBound));
    assert!(kept.person.identity.is_empty());
    for body in [
        r#"{"claim": {"precision": "a_word_of_the_future"}}"#,
        r#"{"claim": {"at": 5}}"#,
        r#"{"person": 7}"#,
        "[",
    ] {
        assert!(read(&evidence(body)).is_err(), "{body}");
    }
}

#[test]
fn what_is_kept_is_short_and_says_the_same() {
    let signal = Signal {
        source: Source::Webhook,
        account: AccountId::parse("acc_1").expect("an id"),
        received_at: Timestamp(0),
        subject: Subject::Person,
        person: Person {
            identity: Identity::from_text("https://www.linkedin.com/in/mira-halvorsen"),
            name: Some("Mira Halvorsen".to_owned()),
            headline: None,
        },
        claim: Claim::of(None, Precision::UpperBound),
        raw: "{}".to_owned(),
    };
    let body = stored_evidence(&signal)
        .expect("written")
        .expect("it is about a person");
    assert_eq!(
        body,
        r#"{"claim":{"precision":"upper_bound"},"person":{"identity":{"public_identifier":"mira-halvorsen"},"name":"Mira Halvorsen"}}"#
    );
    let (_, read) = read(&evidence(&body)).expect("it is read");
    assert_eq!((read.person, read.claim), (signal.person, signal.claim));
}
