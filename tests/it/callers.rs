//! Input of callers that is slightly wrong: clocks that are ahead, raw text of a provider, halves of characters, null for the
//! name of a campaign, and searches in any case.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::evidence_support::{enroll, enrollment, profile_id};
use crate::site_support::{Site, TOKEN, client};

const NOW: Timestamp = Timestamp(1_780_000_000_000);

/// A time this far after the clock of the site, as callers write it.
fn ahead(seconds: u64) -> String {
    NOW.plus(Duration::from_secs(seconds)).to_string()
}

async fn site() -> Site {
    let site = Site::on_clock(Clock::by_hand(NOW)).await;
    let row =
        |n: u64| json!({"id": format!("e{n}"), "accountId": "acc_1", "providerId": profile_id(n)});
    enroll(&site, (1..=9).map(row).collect()).await;
    site
}

#[tokio::test]
async fn a_clock_that_is_up_to_five_minutes_ahead_counts_as_now() {
    let site = site().await;
    let result = |id: &str, at: String| {
        site.post(
            "/v1/invite-results",
            json!({"enrollmentId": id, "httpStatus": 201, "response": {}, "at": at}),
        )
    };
    for (id, seconds) in [("e1", 2), ("e2", 300)] {
        let (status, sent) = result(id, ahead(seconds)).await;
        assert_eq!((status, &sent["invitedAt"]), (200, &json!(NOW)), "{sent}");
    }
    let (status, problem) = result("e3", ahead(301)).await;
    assert_eq!((status, &problem["field"]), (422, &json!("at")));

    let upsert = |id: &str, at: String| {
        let row = json!({"id": id, "accountId": "acc_1", "invitedAt": at});
        site.post("/v1/enrollments", row)
    };
    assert_eq!(upsert("e4", ahead(120)).await.1["updated"], 1);
    assert_eq!(enrollment(&site, "e4").await["invitedAt"], json!(NOW));
    let (_, answer) = upsert("e5", ahead(301)).await;
    assert_eq!(answer["results"][0]["error"]["field"], "invitedAt");

    let stamp = async |id: &str, at: String| {
        let path = format!("/v1/enrollments/{id}/stamp");
        let body = json!({"reason": "on the phone", "at": at});
        site.post(&path, body).await
    };
    let (status, stamped) = stamp("e4", ahead(299)).await;
    assert_eq!((status, &stamped["acceptedAt"]), (200, &json!(NOW)));
    assert_eq!(stamped["acceptedAtPrecision"], "exact");
    let (status, problem) = stamp("e5", ahead(301)).await;
    assert_eq!((status, &problem["field"]), (422, &json!("at")));
}

#[tokio::test]
async fn the_answer_of_a_provider_may_be_its_raw_text() {
    let site = site().await;
    let result = async |id: &str, status: u16, response: Value| {
        let body = json!({"enrollmentId": id, "httpStatus": status, "response": response});
        site.post("/v1/invite-results", body).await
    };
    let refused =
        json!({"type": "errors/already_connected", "title": "Already connected", "status": 422});
    let once = refused.to_string();
    let twice = json!(once).to_string();
    let cut = once.replace("Already connected", "Mira \\ud83d");
    for (id, text) in [
        ("e1", once.clone()),
        ("e2", format!("\u{feff} {once}\r\n")),
        ("e3", twice),
        ("e4", cut),
    ] {
        let (status, e) = result(id, 422, json!(text)).await;
        assert_eq!(
            (status, &e["source"]),
            (200, &json!("already_connected")),
            "{text}"
        );
    }
    let sent = json!({"object": "UserInvitationSent", "invitation_id": "7"}).to_string();
    assert_eq!(
        result("e5", 201, json!(sent)).await.1["status"],
        "CONNECTION_SENT"
    );
    // What is no JSON is recorded.
    for text in [
        "",
        "<html>502 Bad Gateway</html>",
        "{\"type\": \"errors/already_conn",
    ] {
        let (status, e) = result("e6", 422, json!(text)).await;
        assert_eq!((status, &e["acceptedAt"]), (200, &Value::Null), "{text}");
    }
    assert_eq!(result("e6", 204, Value::Null).await.0, 200);
    for bad in [
        json!([refused]),
        json!(422),
        json!(true),
        json!("[]"),
        json!(" 422 "),
    ] {
        let (status, problem) = result("e7", 422, bad.clone()).await;
        assert_eq!(
            (status, &problem["field"]),
            (422, &json!("response")),
            "{bad}"
        );
    }
    let (_, e7) = site.get("/v1/enrollments/e7").await;
    assert_eq!(e7["signals"], json!([]));
}

#[tokio::test]
async fn half_a_character_in_a_name_loses_no_row() {
    let site = site().await;
    let body = json!({"id": "cut", "accountId": "acc_1", "name": "CUT"});
    let body = body.to_string().replace("CUT", "Mira \\ud83d");
    let answer = client()
        .post(site.url("/v1/enrollments"))
        .bearer_auth(TOKEN)
        .body(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(enrollment(&site, "cut").await["name"], "Mira \u{fffd}");
}

#[tokio::test]
async fn null_clears_the_name_of_a_campaign_and_left_out_keeps_it() {
    let site = site().await;
    let name = async || site.get("/v1/campaigns/c1").await.1["name"].clone();
    let row = |fields: Value| {
        let mut row = json!({"id": "e1", "accountId": "acc_1", "campaignId": "c1"});
        for (key, value) in fields.as_object().expect("an object") {
            row[key] = value.clone();
        }
        row
    };
    enroll(&site, row(json!({"campaignName": "Founders Q2"}))).await;
    enroll(&site, row(json!({}))).await;
    enroll(&site, row(json!({"company": "Engines"}))).await;
    assert_eq!(name().await, "Founders Q2");
    enroll(&site, row(json!({"campaignName": null}))).await;
    assert_eq!(name().await, Value::Null);
    // Together with another change, and for a new enrollment.
    enroll(&site, row(json!({"campaignName": "Q3"}))).await;
    enroll(&site, row(json!({"campaignName": null, "company": null}))).await;
    assert_eq!(name().await, Value::Null);
    enroll(&site, row(json!({"campaignName": " "}))).await;
    assert_eq!(name().await, Value::Null);
    enroll(&site, row(json!({"id": "new", "campaignName": null}))).await;
    assert_eq!(name().await, Value::Null);
}

#[tokio::test]
async fn a_placeholder_is_kept_nowhere_and_shown_to_nobody() {
    let site = site().await;
    let row = json!({"id": "e1", "accountId": "acc_1", "linkedinUrl": "N/A", "invitedAt": "2026-05-01T15:14:06Z"});
    for outcome in ["updated", "unchanged"] {
        let (_, answer) = site.post("/v1/enrollments", row.clone()).await;
        assert_eq!(answer[outcome], 1, "{answer}");
    }
    let mut named = row.clone();
    named["linkedinUrl"] = json!("ada-lovelace");
    enroll(&site, named).await;
    enroll(&site, row).await;
    let e = enrollment(&site, "e1").await;
    assert_eq!(
        (&e["linkedinUrl"], &e["publicIdentifier"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(e["providerId"], profile_id(1));
    // The invite still names whom it was sent to.
    let sent = json!({"enrollmentId": "e2", "providerId": profile_id(2), "httpStatus": 201, "response": {}});
    assert_eq!(site.post("/v1/invite-results", sent).await.0, 200);
    let nobody = json!({"id": "e2", "accountId": "acc_1", "providerId": "unknown", "invitedAt": "2026-05-01T15:14:06Z"});
    let (_, answer) = site.post("/v1/enrollments", nobody).await;
    assert_eq!(answer["results"][0]["noUsableIdentity"], false, "{answer}");
}

#[tokio::test]
async fn a_search_ignores_case_in_every_script() {
    let site = site().await;
    let row = |id: &str, name: &str, company: &str| json!({"id": id, "accountId": "acc_2", "name": name, "company": company});
    enroll(
        &site,
        json!([
            row("mueller", "Jörg MÜLLER", "Straßenbau"),
            row("decomposed", "Mu\u{308}ller, E\u{301}mile", "50% off"),
            row("olga", "Ольга ИВАНОВА", "a_b"),
            row("ODYSSEE", "ΟΔΥΣΣΕΥΣ", "x"),
        ]),
    )
    .await;
    for (q, expected) in [
        ("müller", vec!["mueller", "decomposed"]),
        ("MÜLLER", vec!["mueller", "decomposed"]),
        ("mu\u{308}ll", vec!["mueller", "decomposed"]),
        ("ÉMILE", vec!["decomposed"]),
        ("STRASSEN", vec!["mueller"]),
        ("иванов", vec!["olga"]),
        ("ольга", vec!["olga"]),
        ("οδυσσευς", vec!["ODYSSEE"]),
        ("odyssee", vec!["ODYSSEE"]),
        ("0%", vec!["decomposed"]),
        ("a_b", vec!["olga"]),
        ("axb", vec![]),
    ] {
        let url = client()
            .get(site.url("/v1/enrollments"))
            .query(&[("q", q), ("account", "acc_2")]);
        let answer = url.bearer_auth(TOKEN).send().await.expect("an answer");
        let page: Value =
            serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        let items = page["items"].as_array().expect("items");
        let ids: Vec<&str> = items.iter().filter_map(|e| e["id"].as_str()).collect();
        assert_eq!(ids, expected, "{q}");
    }
}
