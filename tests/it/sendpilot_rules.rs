//! What each SendPilot event does, through the socket: leads, senders, statuses that only move forward, and what is stored of an
//! accept. See `docs/rules/webhooks.md` and `docs/rules/stamping.md`.

use serde_json::{Value, json};

use crate::evidence_support::{
    ago, enroll, enrollment, event, events, leads_to, profile_id, relation, site, told,
};

pub fn change(id: &str, lead: &str, minutes_ago: i64, previous: &str, new: &str) -> Value {
    event(
        id,
        "lead.status.changed",
        lead,
        &ago(minutes_ago),
        json!({"previousStatus": previous, "newStatus": new}),
    )
}

#[tokio::test]
async fn an_unknown_lead_is_enrolled_on_the_spot() {
    let site = site().await;
    let url = json!({"linkedinUrl": "https://www.linkedin.com/in/tomas-brandt"});
    let sent = event("1", "connection_request.sent", "lead", &ago(60), url);
    told(&site, &sent, "recorded").await;
    let e = enrollment(&site, "lead").await;
    assert_eq!(e["status"], "CONNECTION_SENT");
    assert_eq!(
        (&e["accountId"], &e["campaignId"]),
        (&json!("acc_1"), &json!("camp_1"))
    );
    assert_eq!(
        (&e["publicIdentifier"], &e["invitedAt"]),
        (&json!("tomas-brandt"), &json!(ago_like(&sent)))
    );
    let (_, accounts) = site.get("/v1/accounts").await;
    assert_eq!(accounts["items"][0]["provider"], "sendpilot");
    let (_, campaign) = site.get("/v1/campaigns/camp_1").await;
    assert_eq!(campaign["status"], "running");
    let at = json!({"acceptedAt": ago(30)});
    told(
        &site,
        &event(
            "2",
            "connection_request.accepted",
            "lead",
            &ago(29),
            at.clone(),
        ),
        "stamped",
    )
    .await;
    let e = enrollment(&site, "lead").await;
    assert_eq!(
        (&e["acceptedAt"], &e["acceptedAtPrecision"]),
        (&at["acceptedAt"], &json!("exact"))
    );
    assert_eq!(
        (&e["path"], &e["preConnected"], &e["backfill"]),
        (&Value::Null, &json!(false), &json!(false))
    );
    assert_eq!(
        events(&site, "linkedin.invite_accepted").await[0]["data"]["secondsToAccept"],
        1800
    );
}

fn ago_like(body: &Value) -> &str {
    body["timestamp"].as_str().expect("a time")
}

#[tokio::test]
async fn the_sent_invite_names_whom_it_was_sent_to() {
    let site = site().await;
    let url = json!({"linkedinUrl": format!("https://www.linkedin.com/in/{}", profile_id(77)), "note": "Hi"});
    told(
        &site,
        &event("1", "connection.sent", "lead", &ago(60), url),
        "recorded",
    )
    .await;
    leads_to(&site, &relation("acc_1", 77, None), "stamped").await;
    assert_eq!(enrollment(&site, "lead").await["path"], "bridge");
}

#[tokio::test]
async fn another_sender_is_noted_and_the_account_stays() {
    let site = site().await;
    enroll(&site, json!([{"id": "lead", "accountId": "acc_crm"}])).await;
    told(
        &site,
        &event(
            "1",
            "connection.accepted",
            "lead",
            &ago(9),
            json!({"acceptedAt": ago(10)}),
        ),
        "stamped",
    )
    .await;
    let e = enrollment(&site, "lead").await;
    assert_eq!(e["accountId"], "acc_crm");
    let reason = e["signals"][0]["reason"].as_str().expect("text");
    assert!(reason.contains("acc_1"), "{reason}");
    assert_eq!(
        events(&site, "linkedin.invite_accepted").await[0]["data"]["dedupeKey"],
        "li-accept:acc_crm:lead"
    );
}

#[tokio::test]
async fn an_event_id_that_was_seen_does_nothing_else() {
    let site = site().await;
    let sent = event("1", "message.sent", "lead", &ago(9), json!({}));
    told(&site, &sent, "stamped").await;
    let before = enrollment(&site, "lead").await;
    let mut again = event(
        "1",
        "message.sent",
        "lead",
        &ago(1),
        json!({"senderId": "acc_2"}),
    );
    told(&site, &again, "duplicate").await;
    let after = enrollment(&site, "lead").await;
    let mut expected = before.clone();
    expected["signals"] = after["signals"].clone();
    assert_eq!(after, expected);
    assert_eq!(after["signals"][1]["outcome"], "duplicate");
    // The same id of another lead or another type is another event.
    again["data"]["leadId"] = json!("lead-2");
    told(&site, &again, "stamped").await;
    told(
        &site,
        &event("1", "reply.received", "lead", &ago(1), json!({})),
        "stamped",
    )
    .await;
    assert_eq!(enrollment(&site, "lead").await["status"], "REPLY_RECEIVED");
}

#[tokio::test]
async fn what_each_event_says_of_the_accept() {
    let site = site().await;
    let url = json!({"linkedinUrl": "https://www.linkedin.com/in/x"});
    // Of leads that are first met by it: kind, data, status, precision, pre-connected, backfill.
    for (lead, kind, data, status, precision, pre_connected, backfill) in [
        (
            "a",
            "connection.accepted",
            json!({"acceptedAt": ago(60)}),
            "CONNECTION_ACCEPTED",
            "exact",
            false,
            false,
        ),
        (
            "b",
            "connection.accepted",
            json!({"acceptedAt": "soon"}),
            "CONNECTION_ACCEPTED",
            "upper_bound",
            false,
            false,
        ),
        (
            "c",
            "message.sent",
            url.clone(),
            "MESSAGE_SENT",
            "inferred",
            true,
            true,
        ),
        (
            "d",
            "reply.received",
            url.clone(),
            "REPLY_RECEIVED",
            "inferred",
            true,
            true,
        ),
        (
            "e",
            "message.received",
            url.clone(),
            "REPLY_RECEIVED",
            "inferred",
            true,
            true,
        ),
        (
            "f",
            "lead.updated",
            json!({"newStatus": "CONNECTION_ACCEPTED"}),
            "CONNECTION_ACCEPTED",
            "upper_bound",
            false,
            false,
        ),
        (
            "g",
            "lead.updated",
            json!({"newStatus": "MESSAGE_SENT"}),
            "MESSAGE_SENT",
            "upper_bound",
            false,
            true,
        ),
        (
            "h",
            "lead.updated",
            json!({"newStatus": "REPLY_RECEIVED"}),
            "REPLY_RECEIVED",
            "upper_bound",
            false,
            true,
        ),
        (
            "i",
            "lead.updated",
            json!({"previousStatus": "CONNECTION_ACCEPTED", "newStatus": "OPPORTUNITY"}),
            "OPPORTUNITY",
            "upper_bound",
            false,
            true,
        ),
        (
            "j",
            "connection.accepted",
            json!({"acceptedAt": ago(8 * 24 * 60)}),
            "CONNECTION_ACCEPTED",
            "exact",
            false,
            true,
        ),
    ] {
        let at = ago(5);
        told(&site, &event("1", kind, lead, &at, data.clone()), "stamped").await;
        let e = enrollment(&site, lead).await;
        let expected = if precision == "exact" {
            data["acceptedAt"].clone()
        } else {
            json!(at)
        };
        assert_eq!(e["acceptedAt"], expected, "{lead}");
        assert_eq!(
            e["repliedAt"].is_null(),
            !status.contains("REPLY"),
            "{lead}"
        );
        assert_eq!(
            (
                &e["status"],
                &e["acceptedAtPrecision"],
                &e["preConnected"],
                &e["backfill"]
            ),
            (
                &json!(status),
                &json!(precision),
                &json!(pre_connected),
                &json!(backfill)
            ),
            "{lead}"
        );
    }
}

#[tokio::test]
async fn late_and_pre_connected_and_the_seconds_between() {
    let site = site().await;
    let row = |id: &str, n: u64, campaign: &str, invited: Option<String>| json!({"id": id, "accountId": "acc_1", "providerId": profile_id(n), "campaignId": campaign, "invitedAt": invited});
    enroll(
        &site,
        json!([
            row("in-time", 1, "ten-days", Some(ago(60))),
            row("too-late", 2, "ten-days", Some(ago(11 * 24 * 60))),
            row("paused", 3, "paused", Some(ago(60))),
            row("no-invite", 4, "open", None),
            row("before", 5, "open", Some(ago(60))),
            row("nearly", 6, "open", Some(ago(60))),
        ]),
    )
    .await;
    for (campaign, patch) in [
        ("ten-days", json!({"acceptWindow": "10d"})),
        ("paused", json!({"status": "paused"})),
    ] {
        let (status, answer) = site
            .call("PATCH", &format!("/v1/campaigns/{campaign}"), Some(patch))
            .await;
        assert_eq!(status, 200, "{answer}");
    }
    for (id, n, at, late, pre_connected, seconds) in [
        ("in-time", 1, ago(30), false, false, json!(1800)),
        (
            "too-late",
            2,
            ago(30),
            true,
            false,
            json!((11 * 24 * 60 - 30) * 60),
        ),
        ("paused", 3, ago(30), true, false, json!(1800)),
        ("no-invite", 4, ago(30), false, false, Value::Null),
        ("before", 5, ago(66), false, true, Value::Null),
        ("nearly", 6, ago(64), false, false, json!(0)),
    ] {
        let mut body = relation("acc_1", n, None);
        body["timestamp"] = json!(at);
        leads_to(&site, &body, "stamped").await;
        let e = enrollment(&site, id).await;
        assert_eq!(e["acceptedAt"], at, "{id}");
        assert_eq!(
            (&e["late"], &e["preConnected"]),
            (&json!(late), &json!(pre_connected)),
            "{id}"
        );
        let all = events(&site, "linkedin.invite_accepted").await;
        let told = &all
            .iter()
            .find(|x| x["data"]["enrollmentId"] == id)
            .expect("an event")["data"];
        assert!(
            told["secondsToAccept"] == seconds
                || (seconds != 0
                    && !seconds.is_null()
                    && (told["secondsToAccept"].as_i64().unwrap_or_default()
                        - seconds.as_i64().unwrap_or_default())
                    .abs()
                        <= 1),
            "{id}: {told}"
        );
    }
}

#[tokio::test]
async fn a_sender_named_first_by_sendpilot_belongs_to_sendpilot() {
    let site = site().await;
    enroll(&site, json!({"id": "lead", "accountId": "acc_0"})).await;
    let accepted = event("1", "connection.accepted", "lead", &ago(5), json!({}));
    told(&site, &accepted, "stamped").await;
    assert_eq!(enrollment(&site, "lead").await["accountId"], "acc_0");
    let (_, accounts) = site.get("/v1/accounts").await;
    let providers: Vec<_> = accounts["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|a| (a["id"].clone(), a["provider"].clone()))
        .collect();
    assert_eq!(
        providers,
        [
            (json!("acc_0"), json!("unipile")),
            (json!("acc_1"), json!("sendpilot"))
        ]
    );
}

#[tokio::test]
async fn a_documented_event_that_is_no_sign_raises_no_alarm() {
    let site = site().await;
    for (n, name) in [
        "campaign.started",
        "lead.tag.updated",
        "lead_database.search.completed",
        "lead_extractor.job.completed",
    ]
    .iter()
    .enumerate()
    {
        let quiet = event(&n.to_string(), name, "lead", &ago(1), json!({}));
        told(&site, &quiet, "ignored").await;
    }
    let renamed = event("9", "connection.confirmed", "lead", &ago(1), json!({}));
    told(&site, &renamed, "ignored").await;
    let (_, ignored) = site.get("/v1/signals?outcome=ignored").await;
    let unknown = |signal: &&Value| signal["reason"].as_str().unwrap().contains("is unknown");
    let items = ignored["items"].as_array().unwrap();
    assert_eq!(items.len(), 5);
    assert_eq!(items.iter().filter(unknown).count(), 1, "{ignored}");
}
