//! SendPilot's own list of leads repairs what its webhooks missed, at no more than two calls a second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::domain::enrollment::Status;
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::Receiver;
use acceptd::sim::sendpilot::{SendpilotSettings, SendpilotSim};
use serde_json::{Value, json};

use crate::evidence_support::SECRET;
use crate::process::Process;
use crate::site_support::{TOKEN, client};

const KEY: &str = "the-key-of-sendpilot";
const PATIENCE: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3_600);

fn settings(sim: &SendpilotSim, receiver: &Receiver) -> String {
    format!(
        "server.admin_token = \"{TOKEN}\"\n[sendpilot]\napi_key = \"{KEY}\"\nbase_url = \"{}\"\nrepair_every = \"1s\"\n\
         webhook_secrets = [\"{SECRET}\"]\n[[destination]]\nname = \"crm\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        sim.base_url(),
        receiver.url("/crm")
    )
}

async fn call(process: &Process, method: &str, path: &str, body: Option<Value>) -> Value {
    let mut ask = client()
        .request(method.parse().expect("a method"), process.url(path))
        .bearer_auth(TOKEN);
    if let Some(body) = body {
        ask = ask.body(body.to_string());
    }
    let answer = ask.send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

async fn until(what: &str, process: &Process, holds: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "{what}\n{}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn lead(process: &Process, id: &str) -> Value {
    call(process, "GET", &format!("/v1/enrollments/{id}"), None).await
}

fn row(id: &str) -> Value {
    json!({"id": id, "accountId": "sender_1", "campaignId": "camp_1", "name": id, "invitedAt": "2026-01-05T08:00:00Z"})
}

/// Lets the simulated time go by, so that every wait in it ends in its order.
async fn pass(clock: &Clock, span: Duration, step: Duration) {
    let mut left = span;
    while !left.is_zero() {
        clock.advance(step.min(left));
        left = left.saturating_sub(step);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepts_of_six_hours_without_a_daemon_are_found() {
    acceptd::http::tls_ready();
    let began = Clock::system().now().minus(6 * HOUR);
    let clock = Clock::by_hand(began);
    let sim = SendpilotSim::start(
        clock.clone(),
        SendpilotSettings {
            api_key: KEY.to_owned(),
            webhook_url: String::new(),
            webhook_secret: SECRET.to_owned(),
        },
    )
    .await
    .expect("a simulated SendPilot");
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let mut process = Process::new(&settings(&sim, &receiver));
    process.start(&[], &[]);
    let ids = ["accepted", "written_to", "replied", "silent"];
    let rows: Vec<Value> = ids.iter().map(|id| row(id)).collect();
    call(&process, "POST", "/v1/enrollments", Some(json!(rows))).await;
    sim.send_webhooks_to(process.url("/webhooks/sendpilot"));
    assert!(process.stop().success());

    // The daemon is down. Every webhook is retried for 80 minutes and then given up.
    for id in ids.iter().chain(&["not_enrolled"]) {
        sim.add_lead(
            id,
            "sender_1",
            "camp_1",
            "https://www.linkedin.com/in/orla-wexcombe",
        );
    }
    let steps = [
        ("accepted", Status::ConnectionAccepted),
        ("written_to", Status::ConnectionAccepted),
        ("written_to", Status::MessageSent),
        ("replied", Status::ReplyReceived),
        ("not_enrolled", Status::ConnectionAccepted),
    ];
    let mut changed: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for (id, status) in steps {
        pass(&clock, Duration::from_secs(600), Duration::from_secs(60)).await;
        sim.set_status(id, status);
        changed.insert(id, clock.now());
    }
    let left = Clock::system().now().since(clock.now());
    pass(&clock, left, Duration::from_secs(60)).await;
    until("the webhooks are given up", &process, async || {
        clock.advance(Duration::from_secs(1));
        sim.webhooks().pending == 0
    })
    .await;
    assert_eq!((sim.webhooks().given_up, sim.webhooks().delivered), (5, 0));

    process.start(&[], &[]);
    for id in ["accepted", "written_to", "replied"] {
        until(id, &process, async || {
            !lead(&process, id).await["acceptedAt"].is_null()
        })
        .await;
        let e = lead(&process, id).await;
        assert_eq!(e["acceptedAt"], json!(changed[id]), "{e}");
        assert_eq!(e["acceptedAtPrecision"], "upper_bound", "{e}");
        assert_eq!(e["source"], "sendpilot", "{e}");
    }
    let replied = lead(&process, "replied").await;
    assert_eq!(replied["repliedAt"], json!(changed["replied"]));
    assert_eq!(replied["status"], "REPLY_RECEIVED");
    assert_eq!(lead(&process, "written_to").await["status"], "MESSAGE_SENT");
    assert!(lead(&process, "silent").await["acceptedAt"].is_null());

    // A lead that is not enrolled waits under its id, and is tried when that id is enrolled.
    let unmatched = "/v1/signals?outcome=unmatched";
    until("the lead waits", &process, async || {
        call(&process, "GET", unmatched, None).await["items"] != json!([])
    })
    .await;
    call(
        &process,
        "POST",
        "/v1/enrollments",
        Some(json!([row("not_enrolled")])),
    )
    .await;
    let e = lead(&process, "not_enrolled").await;
    assert_eq!(e["acceptedAt"], json!(changed["not_enrolled"]), "{e}");

    // Reading the list again changes nothing.
    let read = sim.calls().len();
    until("two more readings", &process, async || {
        sim.calls().len() >= read + 6
    })
    .await;
    let events = call(&process, "GET", "/v1/events?limit=500", None).await;
    let mut announced: Vec<_> = events["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|e| format!("{} {}", e["type"], e["data"]["enrollmentId"]))
        .collect();
    announced.sort();
    assert_eq!(
        announced,
        [
            "\"linkedin.invite_accepted\" \"accepted\"",
            "\"linkedin.invite_accepted\" \"not_enrolled\"",
            "\"linkedin.invite_accepted\" \"replied\"",
            "\"linkedin.invite_accepted\" \"written_to\"",
            "\"linkedin.reply_received\" \"replied\"",
        ]
    );
    until("every event is delivered", &process, async || {
        receiver.received().len() >= announced.len()
    })
    .await;
    assert_eq!(receiver.received().len(), announced.len(), "each once");
    let signals = call(
        &process,
        "GET",
        "/v1/signals?source=sendpilot&limit=500",
        None,
    )
    .await;
    let count = signals["items"].as_array().expect("items").len();
    assert_eq!(count, 4, "one ledger row for each lead: {signals}");
    assert!(!process.logs().contains(KEY), "the key is never logged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_pages_are_read_slowly_and_failures_back_off() {
    acceptd::http::tls_ready();
    let sim = SendpilotSim::start(
        Clock::system(),
        SendpilotSettings {
            api_key: KEY.to_owned(),
            ..SendpilotSettings::default()
        },
    )
    .await
    .expect("a simulated SendPilot");
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    for n in 0..201 {
        sim.add_lead(
            &format!("lead_{n}"),
            "sender_1",
            "camp_1",
            "https://www.linkedin.com/in/x",
        );
        sim.set_status(&format!("lead_{n}"), Status::MessageSent);
    }
    sim.fail_next([(500, None), (429, Some(2))]);
    let mut process = Process::new(&settings(&sim, &receiver));
    process.start(&[], &[]);
    until("one whole reading", &process, async || {
        sim.calls()
            .iter()
            .any(|c| c.query.contains("REPLY_RECEIVED"))
    })
    .await;
    let calls = sim.calls();
    assert_eq!((calls[0].status, calls[1].status), (500, 429));
    let after = |n: usize| calls[n].at.since(calls[n - 1].at);
    assert!(after(1) >= Duration::from_millis(990), "{:?}", after(1));
    assert!(after(2) >= Duration::from_millis(1_990), "Retry-After");
    for n in 3..calls.len() {
        assert!(
            after(n) >= Duration::from_millis(490),
            "{n}: {:?}",
            after(n)
        );
    }
    let pages: Vec<_> = calls[2..]
        .iter()
        .filter(|c| c.query.contains("MESSAGE_SENT"))
        .map(|c| c.query.clone())
        .collect();
    assert_eq!(pages.len(), 3, "{pages:?}");
    assert!(calls[2..].iter().all(|c| c.status == 200), "{calls:?}");
}
