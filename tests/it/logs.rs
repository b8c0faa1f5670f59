//! The log of a full run at the loudest level, in every format: one line per accept, no secret, no text of a message.

use std::path::Path;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::sim::receiver::Receiver;
use serde_json::{Value, json};

use crate::process::Process;

const ADMIN: &str = "the-admin-token-d41d";
const API_KEY: &str = "the-api-key-8cd9";
const HEADER_SECRET: &str = "the-header-secret-8f00";
const SIGNING: &str = "the-signing-secret-b204";
const SENDPILOT: &str = "the-sendpilot-secret-e980";
const WHSEC: &str = "whsec_dGhlLXN0YW5kYXJkLXdlYmhvb2tzLXNlY3JldC05OThl";
const URL_SECRET: &str = "T0URLSECRET0998ecf8427e";
const EXTRA_HEADER: &str = "the-extra-header-7e42";
const MESSAGE: &str = "nobody may read this message text";
const NOTE: &str = "nobody may read this invite note";
const KEPT_OUT: &[&str] = &[
    ADMIN,
    API_KEY,
    HEADER_SECRET,
    SIGNING,
    SENDPILOT,
    WHSEC,
    URL_SECRET,
    EXTRA_HEADER,
    MESSAGE,
    NOTE,
];

fn configuration(receiver: &str) -> String {
    format!(
        "server.admin_token = \"{ADMIN}\"
        [unipile]
        base_url = \"http://127.0.0.1:9/\"
        api_key = \"{API_KEY}\"
        webhook_secret = \"{HEADER_SECRET}\"
        signing_secret = \"{SIGNING}\"
        [sendpilot]
        webhook_secrets = [\"{SENDPILOT}\"]
        [[destination]]
        name = \"sales-slack\"
        kind = \"slack\"
        url = \"{receiver}/services/{URL_SECRET}\"
        [[destination]]
        name = \"crm\"
        kind = \"webhook\"
        url = \"{receiver}/hooks/{URL_SECRET}?key={URL_SECRET}\"
        secrets = [\"{WHSEC}\"]
        headers = {{ \"X-Key\" = \"{EXTRA_HEADER}\" }}
        [[destination]]
        name = \"gone\"
        kind = \"webhook\"
        url = \"http://127.0.0.1:9/{URL_SECRET}\"
        rate = \"1000/s\"
        "
    )
}

struct Asker<'a>(&'a Process, reqwest::Client);

impl Asker<'_> {
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> u16 {
        let mut ask = self.1.post(self.0.url(path)).body(body.to_string());
        for (name, value) in headers {
            ask = ask.header(*name, *value);
        }
        ask.send().await.expect("an answer").status().as_u16()
    }
}

fn message(text: &str) -> Value {
    json!({"event": "message_received", "account_id": "acc_1", "account_type": "LINKEDIN", "account_info": {"user_id": "me"},
        "chat_id": "c", "message_id": "m", "message": text, "is_sender": false, "is_group": false, "message_type": "MESSAGE",
        "sender": {"attendee_id": "a", "attendee_provider_id": "ACoAAOther", "attendee_name": "Ada",
            "attendee_specifics": {"network_distance": "DISTANCE_1"}}, "attendees": []})
}

async fn full_run(format: &str) -> String {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let mut process = Process::new(&configuration(&receiver.url("")));
    process.start(&["--log", format], &[("ACCEPTD_LOG", Path::new("trace"))]);
    let ask = Asker(
        &process,
        acceptd::http::client(Duration::from_secs(10)).expect("a client"),
    );
    let admin = format!("Bearer {ADMIN}");
    let admin = [("authorization", admin.as_str())];
    let wrong = [("authorization", "Bearer the-wrong-token")];
    let provider = [("unipile-auth", HEADER_SECRET)];

    let rows = json!([{"id": "enr_1", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/ada-l", "note": NOTE},
        {"id": "enr_2", "accountId": "acc_1", "providerId": "ACoAAOther"}]);
    assert_eq!(ask.post("/v1/enrollments", &admin, &rows).await, 200);
    assert_eq!(ask.post("/v1/enrollments", &wrong, &rows).await, 401);
    let relation = json!({"event": "new_relation", "account_id": "acc_1", "account_type": "LINKEDIN", "user_full_name": "Ada",
        "user_provider_id": "ACoAAada", "user_public_identifier": "ada-l", "user_profile_url": "https://www.linkedin.com/in/ada-l"});
    assert_eq!(
        ask.post("/webhooks/unipile", &provider, &relation).await,
        200
    );
    assert_eq!(
        ask.post("/webhooks/unipile", &provider, &message(MESSAGE))
            .await,
        200
    );
    let mut own = message(NOTE);
    own["is_sender"] = json!(true);
    assert_eq!(ask.post("/webhooks/unipile", &provider, &own).await, 200);
    let mut broken = message(MESSAGE);
    broken["account_id"] = json!(7);
    assert_eq!(ask.post("/webhooks/unipile", &provider, &broken).await, 400);
    for headers in [
        vec![("unipile-auth", "the-wrong-secret")],
        vec![("unipile-signature", "t=1,v0=00")],
    ] {
        assert_eq!(
            ask.post("/webhooks/unipile", &headers, &relation).await,
            401
        );
    }
    let lead = json!({"eventId": "e", "eventType": "reply.received", "timestamp": "2026-05-02T15:14:08Z", "workspaceId": "w",
        "data": {"leadId": "enr_3", "senderId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/bob", "message": MESSAGE}});
    let unsigned = [("webhook-signature", "t=1,s=00")];
    assert_eq!(ask.post("/webhooks/sendpilot", &unsigned, &lead).await, 401);
    let result = json!({"enrollmentId": "enr_1", "note": NOTE, "httpStatus": 422, "response": {"type": "errors/cannot_resend_yet"}});
    assert_eq!(ask.post("/v1/invite-results", &admin, &result).await, 200);
    let cookie = json!({"token": ADMIN});
    ask.post("/login", &[], &cookie).await;
    for name in ["sales-slack", "crm", "gone"] {
        let path = format!("/v1/destinations/{name}/test");
        assert_eq!(ask.post(&path, &admin, &Value::Null).await, 202);
    }
    process.configure("[unipile]\nwebhook_sekret = \"x\"\n");
    process.signal("HUP");
    process.wait_for_log("webhook_sekret");
    process.configure(&configuration("http://127.0.0.1:9"));
    process.signal("HUP");
    process.wait_for_log("reloaded");
    process.wait_for_log("not delivered");
    assert!(process.stop().success());
    process.logs()
}

fn no_secret_in(log: &str) {
    for secret in KEPT_OUT {
        assert!(!log.contains(secret), "{secret} was logged: {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_people_at_the_loudest_level() {
    let log = full_run("text").await;
    no_secret_in(&log);
    let accepts: Vec<_> = log
        .lines()
        .filter(|line| line.contains(" accepted ") && line.contains("enrollment=enr_1"))
        .collect();
    assert_eq!(accepts.len(), 1, "{log}");
    for word in [
        "account=acc_1",
        "source=webhook",
        "path=",
        "profile",
        "lag_s=",
    ] {
        assert!(accepts[0].contains(word), "{word}: {}", accepts[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_json_at_the_loudest_level() {
    let log = full_run("json").await;
    no_secret_in(&log);
    for line in log.lines() {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(parsed["level"].is_string() && parsed["timestamp"].is_string());
    }
}
