//! Every sample, both name sets, what is needed and what is kept.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::time::Timestamp;

fn read(body: &Value) -> Result<SendpilotEvent, BadInput> {
    parse(body.to_string().as_bytes(), false)
}

fn body(event_type: &str, data: Value) -> Value {
    json!({"eventId": "evt_1", "eventType": event_type, "timestamp": "2026-05-02T15:14:09.000Z", "data": data})
}

fn samples() -> [(&'static str, SendpilotKind); 7] {
    let preview = || SendpilotKind::Reply {
        preview: Some("Thanks, tell me more.".to_owned()),
    };
    [
        (
            include_str!("../../../tests/data/samples/sendpilot_connection_accepted.json"),
            SendpilotKind::Accepted {
                at: Timestamp::parse("2026-05-02T15:13:58Z"),
            },
        ),
        (
            include_str!("../../../tests/data/samples/sendpilot_connection_sent.json"),
            SendpilotKind::Sent {
                note: Some("Hi Tomas, I noticed we share an interest in cold chains.".to_owned()),
            },
        ),
        (
            include_str!("../../../tests/data/samples/sendpilot_lead_status_changed.json"),
            SendpilotKind::StatusChange {
                previous: Some(Status::ConnectionSent),
                new: Some(Status::ConnectionAccepted),
            },
        ),
        (
            include_str!("../../../tests/data/samples/sendpilot_lead_updated.json"),
            SendpilotKind::StatusChange {
                previous: Some(Status::ReplyReceived),
                new: Some(Status::Opportunity),
            },
        ),
        (
            include_str!("../../../tests/data/samples/sendpilot_message_received.json"),
            preview(),
        ),
        (
            include_str!("../../../tests/data/samples/sendpilot_message_sent.json"),
            SendpilotKind::MessageSent,
        ),
        (
            include_str!("../../../tests/data/samples/sendpilot_reply_received.json"),
            preview(),
        ),
    ]
}

#[test]
fn every_sample() {
    for (text, kind) in samples() {
        let sent: Value = serde_json::from_str(text).unwrap();
        let event = parse(text.as_bytes(), true).unwrap();
        assert_eq!(event.kind, kind);
        assert_eq!(event.lead.as_ref().unwrap().as_str(), "lead_9");
        assert_eq!(event.sender.as_ref().unwrap().as_str(), "acc_eu1");
        assert_eq!(event.campaign.as_ref().unwrap().as_str(), "camp_1");
        assert_eq!(
            event.linkedin_url.as_deref(),
            Some("https://www.linkedin.com/in/tomas-brandt")
        );
        assert_eq!(
            event.timestamp,
            Timestamp::parse(sent["timestamp"].as_str().unwrap())
        );
        assert_eq!(
            event.event_ref,
            Some(EventRef {
                provider: Provider::Sendpilot,
                event_type: sent["eventType"].as_str().unwrap().to_owned(),
                subject: "lead_9".to_owned(),
                id: sent["eventId"].as_str().unwrap().to_owned(),
            })
        );
        let raw: Value = serde_json::from_str(&event.raw).unwrap();
        assert_eq!(raw["data"]["leadId"], "lead_9");
        for words in ["Tomas,", "Tomas!", "Thanks"] {
            assert!(!event.raw.contains(words), "{}", event.raw);
        }
        // Without leave to keep it, the text of a reply goes nowhere.
        let event = parse(text.as_bytes(), false).unwrap();
        assert!(!matches!(
            event.kind,
            SendpilotKind::Reply { preview: Some(_) }
        ));
    }
}

#[test]
fn newer_names() {
    for (older, newer) in [
        ("connection.sent", "connection_request.sent"),
        ("connection.accepted", "connection_request.accepted"),
        ("message.received", "reply.received"),
        ("lead.status.changed", "lead.updated"),
    ] {
        let kind = |name| read(&body(name, json!({"leadId": "l"}))).unwrap().kind;
        assert_eq!(kind(older), kind(newer));
        assert_ne!(kind(newer), SendpilotKind::Unknown);
    }
}

#[test]
fn what_is_needed() {
    let refused = |body: Value| read(&body).unwrap_err().field;
    let field = |name: &str| Some(name.to_owned());
    assert_eq!(refused(json!([])), None);
    assert_eq!(parse(b"{", false).unwrap_err().field, None);
    assert_eq!(parse(&[0xff], false).unwrap_err().field, None);
    let deep = "[".repeat(100_000);
    assert!(parse(format!("{{\"a\":{deep}").as_bytes(), false).is_err());
    assert_eq!(refused(json!({})), field("eventType"));
    assert_eq!(refused(json!({"eventType": 5})), field("eventType"));
    assert_eq!(refused(json!({"eventType": "message.sent"})), field("data"));
    assert_eq!(
        refused(json!({"eventType": "message.sent", "data": []})),
        field("data")
    );
    assert_eq!(
        refused(json!({"eventType": "message.sent", "eventId": 5, "data": {"leadId": "l"}})),
        field("eventId")
    );
    let sent = |data| refused(body("message.sent", data));
    assert_eq!(sent(json!({})), field("data.leadId"));
    assert_eq!(sent(json!({"leadId": 7})), field("data.leadId"));
    assert_eq!(sent(json!({"leadId": "a\0b"})), field("data.leadId"));
    assert_eq!(
        sent(json!({"leadId": "x".repeat(257)})),
        field("data.leadId")
    );
    assert_eq!(
        sent(json!({"leadId": "l", "senderId": 7})),
        field("data.senderId")
    );
    assert_eq!(
        sent(json!({"leadId": "l", "senderId": "a:b"})),
        field("data.senderId")
    );
}

#[test]
fn what_is_optional() {
    let event = read(&json!({"eventType": "connection.accepted", "timestamp": "soon",
        "data": {"leadId": "l", "senderId": null, "campaignId": 5, "linkedinUrl": [], "acceptedAt": "yesterday"}}))
    .unwrap();
    assert_eq!(event.kind, SendpilotKind::Accepted { at: None });
    assert_eq!(
        (
            event.event_ref,
            event.timestamp,
            event.sender,
            event.campaign,
            event.linkedin_url
        ),
        (None, None, None, None, None)
    );
    let event = read(&body(
        "lead.updated",
        json!({"leadId": "l", "previousStatus": "FROZEN"}),
    ))
    .unwrap();
    assert_eq!(
        event.kind,
        SendpilotKind::StatusChange {
            previous: None,
            new: None
        }
    );
}

#[test]
fn an_unknown_type_is_not_an_error() {
    for unknown in [
        json!({"eventType": "connection.exploded"}),
        body(
            "connection.exploded",
            json!({"leadId": 7, "senderId": "a:b", "message": "words"}),
        ),
    ] {
        let event = read(&unknown).unwrap();
        assert_eq!(event.kind, SendpilotKind::Unknown);
        assert_eq!(event.lead, None);
        assert!(!event.raw.contains("words"));
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), which in 0_usize..7, key in 0_usize..12, to in 0_usize..9) {
        let _ = parse(&bytes, true);
        let mut sent: Value = serde_json::from_str(samples()[which].0).unwrap();
        let odd = [json!(null), json!(true), json!(0), json!(1e300), json!("\u{0}"), json!([[]]), json!({}), json!("9".repeat(400)), json!(-1)][to].clone();
        let outer = ["eventId", "eventType", "timestamp", "workspaceId", "data"];
        match outer.get(key) {
            Some(name) => sent[*name] = odd,
            None => sent["data"][["leadId", "campaignId", "linkedinUrl", "senderId", "acceptedAt", "note", "newStatus"][key - 5]] = odd,
        }
        if let Ok(event) = read(&sent) {
            prop_assert!(!event.raw.contains("Thanks") && !event.raw.contains("Tomas"));
            prop_assert!(event.lead.is_some() || event.kind == SendpilotKind::Unknown);
        }
    }
}
