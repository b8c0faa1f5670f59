//! Which messages prove a connection: replies and note echoes.

use serde_json::{Value, json};

use crate::evidence_support::{
    ago, enroll, enrollment, invite, leads_to, message, profile_id, sales_id, site, unipile,
};

const MIRA: u64 = 731_204_558;

#[tokio::test]
async fn the_echo_of_a_note_is_known_by_its_type_or_its_words() {
    let site = site().await;
    let row =
        |id: &str, n: u64| json!({"id": id, "accountId": "acc_1", "providerId": profile_id(n)});
    enroll(
        &site,
        json!([row("words", 2001), row("type", 2002), row("other", 2003)]),
    )
    .await;
    for id in ["words", "type", "other"] {
        let (status, _) = site
            .post(
                "/v1/invite-results",
                invite(id, None, Some("Hi Mira,  shall we connect?")),
            )
            .await;
        assert_eq!(status, 200);
    }
    leads_to(
        &site,
        &message("acc_1", 2001, true, "Hi Mira, shall we connect? "),
        "stamped",
    )
    .await;
    let mut invitation = message("acc_1", 2002, true, "Something else");
    invitation["message_type"] = json!("INVITATION");
    leads_to(&site, &invitation, "stamped").await;
    leads_to(
        &site,
        &message("acc_1", 2003, true, "Hi Mira, shall we meet?"),
        "ignored",
    )
    .await;
    for id in ["words", "type"] {
        let e = enrollment(&site, id).await;
        assert_eq!(
            (&e["source"], &e["acceptedAtPrecision"]),
            (&json!("note_echo"), &json!("upper_bound"))
        );
        assert_eq!(
            (&e["status"], &e["repliedAt"]),
            (&json!("CONNECTION_ACCEPTED"), &Value::Null)
        );
    }
    assert!(enrollment(&site, "other").await["acceptedAt"].is_null());
}

#[tokio::test]
async fn an_echo_stamps_every_enrollment_of_the_person() {
    let site = site().await;
    enroll(
        &site,
        json!([
            {"id": "invited", "accountId": "acc_1", "providerId": profile_id(2201), "note": "Hi Mira", "invitedAt": ago(600)},
            {"id": "other-campaign", "accountId": "acc_1", "providerId": sales_id(2201), "campaignId": "c"},
            {"id": "other-account", "accountId": "acc_2", "providerId": profile_id(2201), "note": "Hi Mira"},
        ]),
    )
    .await;
    leads_to(&site, &message("acc_1", 2201, true, "Hi Mira"), "stamped").await;
    for (id, path) in [
        ("invited", json!("bridge")),
        ("other-campaign", json!("sales_nav")),
        ("other-account", Value::Null),
    ] {
        assert_eq!(enrollment(&site, id).await["path"], path, "{id}");
    }
}

#[tokio::test]
async fn a_note_echo_may_come_before_enrollment_and_note() {
    let site = site().await;
    for n in [2101, 2102, 2103] {
        leads_to(&site, &message("acc_1", n, true, "Hi Mira"), "unmatched").await;
    }
    let (_, listed) = site.get("/v1/signals?outcome=unmatched&raw=true").await;
    for secret in ["Hi Mira", "Halvorsen"] {
        assert!(!listed.to_string().contains(secret), "{listed}");
    }
    enroll(
        &site,
        json!([
            {"id": "at-once", "accountId": "acc_1", "providerId": profile_id(2101), "note": "Hi Mira", "invitedAt": ago(600)},
            {"id": "later", "accountId": "acc_1", "providerId": profile_id(2102)},
            {"id": "never", "accountId": "acc_1", "providerId": profile_id(2103), "note": "Hi John"},
        ]),
    )
    .await;
    assert_eq!(enrollment(&site, "at-once").await["source"], "note_echo");
    assert!(enrollment(&site, "later").await["acceptedAt"].is_null());
    site.post("/v1/invite-results", invite("later", None, Some("Hi Mira")))
        .await;
    assert_eq!(enrollment(&site, "later").await["source"], "note_echo");
    assert!(enrollment(&site, "never").await["acceptedAt"].is_null());
    let (_, ignored) = site.get("/v1/signals?outcome=ignored").await;
    assert_eq!(
        ignored["items"].as_array().map(Vec::len),
        Some(1),
        "{ignored}"
    );
}

#[tokio::test]
async fn a_sender_without_an_id_is_known_by_its_url_or_its_urn() {
    let site = site().await;
    let row = |id: &str, url: &str| json!({"id": id, "accountId": "acc_1", "linkedinUrl": url});
    enroll(
        &site,
        json!([
            row("url", "mira-halvorsen"),
            row("urn", "urn:li:member:2002"),
            row("slug", "jo-lind")
        ]),
    )
    .await;
    let by = |id: Value, url: Value, urn: Value, slug: Value| {
        let mut body = message("acc_1", MIRA, false, "Hi");
        body["attendees"] = json!([]);
        body["sender"] = json!({
            "attendee_provider_id": id, "attendee_profile_url": url, "attendee_public_identifier": slug,
            "attendee_specifics": {"member_urn": urn, "network_distance": "DISTANCE_1"},
        });
        body
    };
    let (none, mira) = (
        Value::Null,
        json!("https://www.linkedin.com/in/mira-halvorsen/"),
    );
    let urn = json!("urn:li:member:2002");
    for (id, body) in [
        (
            "url",
            by(none.clone(), mira.clone(), none.clone(), none.clone()),
        ),
        ("urn", by(json!(""), none.clone(), urn, none.clone())),
        (
            "slug",
            by(json!("null"), none.clone(), none.clone(), json!("jo-lind")),
        ),
    ] {
        leads_to(&site, &body, "stamped").await;
        assert_eq!(enrollment(&site, id).await["source"], "reply", "{id}");
    }
    // A sender that nothing names, and an id of the wrong type.
    let company = json!("https://www.linkedin.com/company/nordkai");
    for body in [
        by(none.clone(), none.clone(), none.clone(), none.clone()),
        by(none.clone(), company, none.clone(), none.clone()),
        by(json!(7), mira, none.clone(), none.clone()),
    ] {
        let (status, _) = unipile(&site, &body).await;
        assert_eq!(status, 400, "{body}");
    }
}

#[tokio::test]
async fn messages_that_need_no_connection_prove_none() {
    let site = site().await;
    enroll(
        &site,
        json!([{"id": "enr", "accountId": "acc_1", "providerId": profile_id(MIRA)}]),
    )
    .await;
    for (pointer, value) in [
        ("/message_type", json!("INMAIL")),
        ("/message_type", json!("INMAIL_REPLY")),
        ("/message_type", json!("INMAIL_ACCEPT")),
        ("/message_type", json!("INMAIL_DECLINE")),
        ("/chat_content_type", json!("inmail")),
        ("/chat_content_type", json!("sponsored")),
        ("/chat_content_type", json!("linkedin_offer")),
        ("/is_group", json!(true)),
        ("/is_group", json!(1)),
        (
            "/sender/attendee_specifics/network_distance",
            json!("DISTANCE_2"),
        ),
        (
            "/sender/attendee_specifics/network_distance",
            json!("OUT_OF_NETWORK"),
        ),
    ] {
        let mut body = message("acc_1", MIRA, false, "Hi");
        *body.pointer_mut(pointer).expect("a field") = value;
        leads_to(&site, &body, "ignored").await;
    }
    assert!(enrollment(&site, "enr").await["acceptedAt"].is_null());
    leads_to(&site, &message("acc_1", MIRA, false, "Hi"), "stamped").await;
    let e = enrollment(&site, "enr").await;
    assert_eq!(e["acceptedAt"], e["repliedAt"]);
    assert_eq!(
        (&e["status"], &e["acceptedAtPrecision"]),
        (&json!("REPLY_RECEIVED"), &json!("inferred"))
    );
    assert_eq!(e["preConnected"], true, "no invite is known");
}
