//! Snapshots of Slack messages, and properties that hold for any text a stranger may write.

use insta::assert_json_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::message;
use crate::domain::event::EventType;

fn event(event_type: EventType, data: &Value) -> String {
    json!({
        "id": "evt_6230ed2a-29b1-53a0-8485-0faacea0763b",
        "type": event_type,
        "timestamp": "2026-05-02T15:14:08.120Z",
        "workspaceId": "ws_default",
        "data": data,
    })
    .to_string()
}

fn invite(changes: &Value) -> Value {
    let mut data = json!({
        "dedupeKey": "li-accept:acc_1:enr_1", "enrollmentId": "enr_1", "linkedinAccountId": "acc_1",
        "campaignId": "camp_1", "campaignName": "Founders Q2",
        "prospect": {"name": "Tomás Brandt", "headline": "R&D at <Acme>", "company": "Acme",
                     "linkedinUrl": "https://www.linkedin.com/in/tomas-brandt",
                     "publicIdentifier": "tomas-brandt", "providerId": null},
        "invitedAt": "2026-05-01T15:14:06.000Z", "acceptedAt": "2026-05-02T15:14:06.000Z",
        "acceptedAtPrecision": "exact", "detectedAt": "2026-05-02T15:20:08.120Z",
        "secondsToAccept": 86400, "source": "webhook", "path": "bridge", "viaSibling": false,
        "preConnected": false, "late": false, "backfill": false, "repliedAt": null, "nextStepAt": null
    });
    for (key, value) in changes.as_object().into_iter().flatten() {
        data[key] = value.clone();
    }
    data
}

fn slack(event_type: EventType, data: &Value) -> Value {
    message(event_type, &event(event_type, data)).expect("a readable event")
}

#[test]
fn an_accept() {
    assert_json_snapshot!(slack(EventType::InviteAccepted, &invite(&json!({}))));
}

#[test]
fn a_late_accept_says_so() {
    assert_json_snapshot!(slack(
        EventType::InviteAccepted,
        &invite(
            &json!({"late": true, "acceptedAtPrecision": "upper_bound", "source": "poll", "path": "sales_nav"})
        )
    ));
}

#[test]
fn a_pre_connected_accept_says_so() {
    assert_json_snapshot!(slack(
        EventType::InviteAccepted,
        &invite(&json!({
            "preConnected": true, "backfill": true, "secondsToAccept": null, "invitedAt": null,
            "acceptedAtPrecision": "inferred", "source": "already_connected", "path": null, "campaignName": null,
            "viaSibling": true,
            "prospect": {"name": null, "headline": null, "company": null, "linkedinUrl": null,
                         "publicIdentifier": null, "providerId": "ACoAAA"}
        }))
    ));
}

#[test]
fn a_reply() {
    assert_json_snapshot!(slack(
        EventType::ReplyReceived,
        &invite(
            &json!({"repliedAt": "2026-05-02T16:00:00.000Z", "messagePreview": "Thanks!\nLet's *talk* <tomorrow>"})
        )
    ));
}

#[test]
fn a_next_step() {
    assert_json_snapshot!(slack(
        EventType::NextStepDue,
        &invite(&json!({"nextStepAt": "2026-05-04T09:03:00.000Z"}))
    ));
}

#[test]
fn an_open_invite() {
    assert_json_snapshot!(slack(
        EventType::InviteNotAccepted,
        &invite(&json!({
            "acceptedAt": null, "acceptedAtPrecision": null, "detectedAt": null, "secondsToAccept": null,
            "source": null, "path": null, "invitedAt": "2026-04-20T10:00:00.000Z"
        }))
    ));
}

#[test]
fn a_disconnected_account() {
    assert_json_snapshot!(slack(
        EventType::AccountDisconnected,
        &json!({"linkedinAccountId": "acc_1", "reason": "CREDENTIALS", "since": "2026-05-02T15:00:00.000Z", "openEnrollments": 41})
    ));
}

#[test]
fn a_test() {
    assert_json_snapshot!(slack(
        EventType::Test,
        &json!({"destination": "sales-slack"})
    ));
}

/// Every `<` and `>` is that of the one link, every `&` begins an entity, and Slack's limits hold.
fn well_formed(message: &Value) {
    let mut texts = vec![message["text"].as_str().expect("a text").to_owned()];
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50);
    texts.extend(
        blocks
            .iter()
            .map(|block| block["text"]["text"].as_str().expect("a text").to_owned()),
    );
    for text in texts {
        // The one sign of ours: a quote.
        let text = text.strip_prefix("> ").unwrap_or(&text).to_owned();
        assert!(
            !text.is_empty() && text.encode_utf16().count() <= 3000,
            "{}",
            text.len()
        );
        assert!(
            text.matches('<').count() <= 1
                && text.matches('<').count() == text.matches('>').count()
        );
        for found in text.match_indices('<') {
            let inside = text[found.0..].split('>').next().unwrap_or_default();
            assert!(inside.starts_with("<http"), "{text}");
            assert_eq!(inside.matches('|').count(), 1, "{text}");
            assert!(!inside.contains('\n'), "{text}");
        }
        for found in text.match_indices('&') {
            let rest = &text[found.0..];
            assert!(
                ["&amp;", "&lt;", "&gt;"]
                    .iter()
                    .any(|entity| rest.starts_with(entity)),
                "{text}"
            );
        }
    }
}

#[test]
fn a_reply_without_text_has_no_quote() {
    for preview in ["", " \n "] {
        let message = slack(
            EventType::ReplyReceived,
            &invite(&json!({"messagePreview": preview})),
        );
        well_formed(&message);
        assert!(!message.to_string().contains("> "), "{message}");
    }
}

#[test]
fn strangers_mention_nobody_and_forge_nothing() {
    let message = slack(
        EventType::InviteAccepted,
        &invite(&json!({"prospect": {
            "name": "<!channel> Eve|x>\n*Campaign:* forged", "headline": "<https://evil.example|click> & <@U123>",
            "company": null, "linkedinUrl": "https://www.linkedin.com/in/a|b>c d?x=1&y=<2>", "publicIdentifier": null,
            "providerId": null
        }})),
    );
    well_formed(&message);
    let first = message["blocks"][0]["text"]["text"]
        .as_str()
        .expect("a text");
    assert_eq!(
        first,
        ":handshake: *<https://www.linkedin.com/in/a%7Cb%3Ec%20d?x=1&amp;y=%3C2%3E|&lt;!channel&gt; Eve¦x&gt; *Campaign:* forged>* accepted the invitation\n&lt;https://evil.example|click&gt; &amp; &lt;@U123&gt;"
    );
}

#[test]
fn only_linkedin_is_linked() {
    let first = |url: &str, identifier: Option<&str>| {
        let message = slack(
            EventType::InviteAccepted,
            &invite(&json!({"prospect": {
                "name": "Eve", "headline": null, "company": null, "linkedinUrl": url, "publicIdentifier": identifier,
                "providerId": null
            }})),
        );
        message["blocks"][0]["text"]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for url in [
        "https://www.linkedin.com/in/eve",
        "http://de.linkedin.com/in/eve",
        "https://linkedin.com/in/eve",
        "www.linkedin.com/in/eve",
    ] {
        assert!(
            first(url, None).contains("linkedin.com/in/eve|Eve>"),
            "{url}"
        );
    }
    for url in [
        "https://evil.example/in/eve",
        "https://linkedin.com.evil.example/in/eve",
        "https://evillinkedin.com/in/eve",
        "https://linkedin.com@evil.example/in/eve",
        "https://www.linkedin.com:8443/in/eve",
        "https://evil.example/www.linkedin.com/in/eve",
    ] {
        assert_eq!(
            first(url, None),
            ":handshake: *Eve* accepted the invitation"
        );
        assert_eq!(
            first(url, Some("eve")),
            ":handshake: *<https://www.linkedin.com/in/eve|Eve>* accepted the invitation"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_kept_within_its_bounds(
        name in any::<Option<String>>(), headline in "[a-z&<>|é𝕏\\n]{0,900}", url in any::<Option<String>>(),
        campaign in "[&<>|\n]{0,600}", kind in 0..4_usize,
    ) {
        let kinds = [EventType::InviteAccepted, EventType::ReplyReceived, EventType::NextStepDue, EventType::InviteNotAccepted];
        well_formed(&slack(kinds[kind], &invite(&json!({
            "campaignName": campaign, "late": true, "preConnected": true, "messagePreview": headline,
            "prospect": {"name": name, "headline": headline, "company": headline, "linkedinUrl": url,
                         "publicIdentifier": name, "providerId": null}
        }))));
    }
}
