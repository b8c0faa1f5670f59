//! Webhook bodies of the providers about made-up persons, and how to send them to a site.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::site_support::{Site, TOKEN, client};

/// The secret of both providers.
pub const SECRET: &str = "the-secret-of-a-provider";

/// What a site needs to believe both providers; `more` is added.
pub fn believing(more: &str) -> String {
    format!(
        "[server]\nadmin_token = \"{TOKEN}\"\n[unipile]\nwebhook_secret = \"{SECRET}\"\n\
         [sendpilot]\nwebhook_secrets = [\"{SECRET}\"]\n{more}"
    )
}

/// A time of the provider's, `minutes` ago, as they write it.
pub fn ago(minutes: i64) -> String {
    let now = acceptd::clock::Clock::system().now();
    acceptd::domain::time::Timestamp(now.0 - minutes * 60_000).to_string()
}

pub use acceptd::sim::ids::{profile_id, recruiter_id, sales_id};

/// The flat new relation of API v1.
pub fn relation(account: &str, number: u64, slug: Option<&str>) -> Value {
    json!({
        "event": "new_relation", "account_id": account, "account_type": "LINKEDIN", "user_full_name": "Mira Halvorsen",
        "user_provider_id": profile_id(number), "user_public_identifier": slug,
        "user_profile_url": slug.map(|s| format!("https://www.linkedin.com/in/{s}/")),
    })
}

/// A message of a one-to-one chat with a member.
pub fn message(account: &str, number: u64, own: bool, text: &str) -> Value {
    let attendee = |number: u64| {
        json!({
            "attendee_provider_id": profile_id(number), "attendee_name": "Mira Halvorsen",
            "attendee_profile_url": format!("https://www.linkedin.com/in/{}", profile_id(number)),
            "attendee_public_identifier": null,
            "attendee_specifics": {"member_urn": format!("urn:li:member:{number}"), "network_distance": "DISTANCE_1"},
        })
    };
    const OWNER: u64 = 402_117_733;
    json!({
        "event": "message_received", "account_id": account, "account_type": "LINKEDIN",
        "account_info": {"user_id": profile_id(OWNER)}, "chat_id": "chat", "message_id": "m", "message": text,
        "attendees": [attendee(number)], "sender": attendee(if own { OWNER } else { number }), "is_sender": own,
        "is_group": false, "message_type": "MESSAGE", "chat_content_type": null, "timestamp": ago(10),
    })
}

/// An event of SendPilot about a lead; `data` is added to it.
pub fn event(id: &str, kind: &str, lead: &str, timestamp: &str, data: Value) -> Value {
    let mut body = json!({
        "eventId": id, "eventType": kind, "timestamp": timestamp, "workspaceId": "ws_default",
        "data": {"leadId": lead, "campaignId": "camp_1", "senderId": "acc_1"},
    });
    for (key, value) in data.as_object().expect("an object") {
        body["data"][key] = value.clone();
    }
    body
}

/// Sends a body as Unipile does. Answers with the status and the outcome.
pub async fn unipile(site: &Site, body: &Value) -> (u16, String) {
    let ask = client()
        .post(site.url("/webhooks/unipile"))
        .header("Unipile-Auth", SECRET);
    send(ask.body(body.to_string())).await
}

/// The value of SendPilot's signature header.
pub fn signature(body: &str) -> String {
    let t = acceptd::clock::Clock::system().now().0 / 1000;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(format!("{t}.{body}").as_bytes());
    format!("t={t},s={}", hex::encode(mac.finalize().into_bytes()))
}

/// Sends a body as SendPilot does. Answers with the status and the outcome.
pub async fn sendpilot(site: &Site, body: &Value) -> (u16, String) {
    let body = body.to_string();
    let ask = client()
        .post(site.url("/webhooks/sendpilot"))
        .header("Webhook-Signature", signature(&body));
    send(ask.body(body)).await
}

async fn send(ask: reqwest::RequestBuilder) -> (u16, String) {
    let answer = ask.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    (
        status,
        json["outcome"].as_str().unwrap_or_default().to_owned(),
    )
}

/// Sends a body as Unipile does and expects this outcome.
pub async fn leads_to(site: &Site, body: &Value, outcome: &str) {
    assert_eq!(
        unipile(site, body).await,
        (200, outcome.to_owned()),
        "{body}"
    );
}

/// Sends a body as SendPilot does and expects this outcome.
pub async fn told(site: &Site, body: &Value, outcome: &str) {
    assert_eq!(
        sendpilot(site, body).await,
        (200, outcome.to_owned()),
        "{body}"
    );
}

/// Enrolls rows; none may fail.
pub async fn enroll(site: &Site, rows: Value) {
    let (status, answer) = site.post("/v1/enrollments", rows).await;
    assert_eq!((status, &answer["failed"]), (200, &json!(0)), "{answer}");
}

/// One enrollment as the API shows it.
pub async fn enrollment(site: &Site, id: &str) -> Value {
    let (status, e) = site.get(&format!("/v1/enrollments/{id}")).await;
    assert_eq!(status, 200, "{e}");
    e
}

/// The bodies of every event of this type.
pub async fn events(site: &Site, kind: &str) -> Vec<Value> {
    let (_, page) = site.get("/v1/events?limit=500").await;
    let items = page["items"].as_array().expect("items");
    items
        .iter()
        .filter(|e| e["type"] == kind)
        .cloned()
        .collect()
}

/// A site that believes both providers.
pub async fn site() -> Site {
    Site::start(&believing("")).await
}

/// What a sender reports of an invite that went out ten hours ago.
pub fn invite(enrollment: &str, provider_id: Option<String>, note: Option<&str>) -> Value {
    json!({"enrollmentId": enrollment, "providerId": provider_id, "note": note, "at": ago(600), "httpStatus": 201,
        "response": {"object": "UserInvitationSent", "invitation_id": "7"}})
}
