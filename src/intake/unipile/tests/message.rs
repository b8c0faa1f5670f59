//! Messages: a reply, the echo of a note, or neither.

use super::*;

#[test]
fn a_reply() {
    let signal = evidence(&sample(REPLY));
    assert_eq!(signal.source, Source::Reply);
    assert_eq!(signal.person.identity.provider_id.as_deref(), Some(MIRA));
    assert_eq!(signal.person.name.as_deref(), Some("Mira Halvorsen"));
    assert_eq!(signal.person.headline.as_deref(), Some("Head of Ops"));
    assert_eq!(signal.claim.at, Timestamp::parse("2026-05-02T16:02:11Z"));
    assert_eq!(signal.claim.precision, Precision::Inferred);
    assert!(signal.claim.reply && signal.claim.presumes_connection);
    assert_eq!(signal.claim.preview, None);
    for words in ["deck", "Mira", "Head of Ops"] {
        assert!(!signal.raw.contains(words), "{}", signal.raw);
    }
    assert!(signal.raw.contains(MIRA));
    let kept = parse(
        with(REPLY, &[("/message", json!("ü".repeat(500)))])
            .to_string()
            .as_bytes(),
        NOW,
        true,
        &key(),
    );
    let UnipileKind::Evidence(signal) = kept.expect("a message").kind else {
        panic!()
    };
    assert_eq!(signal.claim.preview, Some("ü".repeat(400)));
}

#[test]
fn the_distance_of_a_reply() {
    let at = |distance: Value| {
        with(
            REPLY,
            &[
                (
                    "/sender/attendee_specifics/network_distance",
                    distance.clone(),
                ),
                ("/attendees/0/attendee_specifics/network_distance", distance),
            ],
        )
    };
    for near in [
        json!("DISTANCE_1"),
        json!("FIRST_DEGREE"),
        json!(1),
        json!("1"),
        json!(null),
        json!(""),
    ] {
        assert_eq!(evidence(&at(near)).source, Source::Reply);
    }
    for far in [
        json!("DISTANCE_2"),
        json!("OUT_OF_NETWORK"),
        json!(2),
        json!("SELF"),
    ] {
        assert_eq!(ignored_as(&at(far)), Source::Reply);
    }
}

#[test]
fn inmails_and_groups() {
    assert_eq!(ignored_as(&sample(INMAIL)), Source::Reply);
    for (pointer, value) in [
        ("/message_type", "INMAIL"),
        ("/message_type", "inmail_accept"),
        ("/message_type", "SPONSORED_INMAIL"),
        ("/chat_content_type", "sponsored"),
        ("/chat_content_type", "Linkedin_Offer"),
    ] {
        ignored_as(&with(REPLY, &[(pointer, json!(value))]));
        assert_eq!(
            ignored_as(&with(ECHO, &[(pointer, json!(value))])),
            Source::NoteEcho
        );
    }
    for set in [json!(true), json!(1), json!("true")] {
        ignored_as(&with(REPLY, &[("/is_group", set)]));
    }
    let mut third = sample(REPLY);
    let more = json!({"attendee_provider_id": "somebody-else"});
    third["attendees"]
        .as_array_mut()
        .unwrap()
        .push(more.clone());
    ignored_as(&third);
    // Where nothing says who the account is, it may be the second of two.
    third["account_info"] = json!(null);
    assert_eq!(
        evidence(&third).person.identity.provider_id.as_deref(),
        Some(MIRA)
    );
    third["attendees"]
        .as_array_mut()
        .unwrap()
        .push(json!({"attendee_provider_id": "a third"}));
    ignored_as(&third);
}

#[test]
fn an_echo() {
    let signal = evidence(&sample(ECHO));
    assert_eq!(signal.source, Source::NoteEcho);
    assert_eq!(signal.person.identity.provider_id.as_deref(), Some(MIRA));
    assert_eq!(signal.claim.precision, Precision::UpperBound);
    assert_eq!(signal.claim.only_if_note, None);
    assert!(!signal.claim.reply);
    assert!(!signal.raw.contains("cold-chain") && !signal.raw.contains("Mira"));

    let plain = with(ECHO, &[("/message_type", json!("MESSAGE"))]);
    let text = "Hi Mira, we both follow cold-chain logistics. Open to connect?";
    assert_eq!(evidence(&plain).claim.only_if_note, Some(key().hash(text)));
    ignored_as(&with(&plain.to_string(), &[("/message", json!(" "))]));

    // Its own by the sender's id alone, in any spelling.
    for id in [
        "ACoAABf31GUByy1wDVejPCKTWfdhWtBJJzmk9AY",
        "urn:li:member:402117733",
    ] {
        let body = with(
            ECHO,
            &[
                ("/is_sender", json!(false)),
                ("/account_info/user_id", json!(id)),
            ],
        );
        assert_eq!(evidence(&body).source, Source::NoteEcho);
    }
    for set in [json!(1), json!("true")] {
        let body = with(ECHO, &[("/is_sender", set), ("/account_info", json!(null))]);
        assert_eq!(evidence(&body).source, Source::NoteEcho);
    }
    // The sender is not needed when the attendees say who the other side is.
    let body = with(ECHO, &[("/sender", json!(null))]);
    assert_eq!(
        evidence(&body).person.identity.provider_id.as_deref(),
        Some(MIRA)
    );
    let lonely = with(ECHO, &[("/attendees", json!([sample(ECHO)["sender"]]))]);
    assert_eq!(ignored_as(&lonely), Source::NoteEcho);
}
