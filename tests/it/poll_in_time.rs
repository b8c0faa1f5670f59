//! What allows a call still holds when the call leaves, also in the middle of a burst. All answers together have a memory limit.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::stream;
use serde_json::{Value, json};

use crate::evidence_support::profile_id;
use crate::odd_provider::{Odd, Stage, days_ago, page, relation};
use crate::process::Process;

/// One poll for each account, all of them at once.
const RARELY: &str =
    "every = \"1h\"\njitter = \"1ms\"\nspacing = \"50ms\"\nspacing_jitter = \"1ms\"";
const ACCOUNTS: usize = 110;
/// How long after it was forbidden a call may still leave, and some time for it to be seen.
const ALLOWED: Duration = Duration::from_millis(1_000 + 300);

fn account(n: usize) -> String {
    format!("acc_{n:03}")
}

fn rows(accounts: usize) -> Value {
    let row = |n: usize| {
        json!({
            "id": format!("enr_{n}"), "accountId": account(n), "campaignId": "c", "providerId": profile_id(7_000 + n as u64),
        })
    };
    Value::from((0..accounts).map(row).collect::<Vec<_>>())
}

/// A stage in the middle of a burst: many accounts are to be called, and the first of them were.
async fn burst() -> Stage {
    let stage = Stage::open(RARELY, |_| {
        page(&[relation(901, json!(days_ago(40)))], None)
    })
    .await;
    let (status, body) = stage.send("POST", "/v1/enrollments", rows(ACCOUNTS)).await;
    assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
    stage
        .until("some calls", async || stage.calls().len() >= 25)
        .await;
    stage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_leaves_after_an_outage_was_acknowledged() {
    let stage = burst().await;
    let mut broken = Vec::new();
    for n in (ACCOUNTS - 40)..ACCOUNTS {
        stage.report(&account(n), "CREDENTIALS").await;
        broken.push((account(n), Instant::now()));
    }
    let healthy = ACCOUNTS - broken.len();
    stage
        .until("the calls of the others", async || {
            let calls = stage.calls();
            (0..healthy).all(|n| calls.iter().any(|c| c.contains(&account(n))))
        })
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (account, reported) in broken {
        let late: Vec<_> = stage
            .timed_calls()
            .into_iter()
            .filter(|(at, call)| call.contains(&account) && *at > reported + ALLOWED)
            .collect();
        assert!(late.is_empty(), "{account}: {late:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_and_budget_of_a_reload_hold_for_the_next_call() {
    let hours = |from: i64, to: i64| {
        let hour = days_ago(0) / 3_600_000;
        format!(
            "{RARELY}\nactive_hours = \"{:02}:00-{:02}:00\"",
            (hour + from).rem_euclid(24),
            (hour + to).rem_euclid(24)
        )
    };
    for forbids in [hours(3, 5), format!("{RARELY}\ndaily_budget = 0")] {
        let stage = burst().await;
        stage.configure(&forbids);
        stage.daemon.signal("HUP");
        stage.daemon.wait_for_log("reloaded the configuration");
        let reloaded = Instant::now();
        tokio::time::sleep(Duration::from_secs(4)).await;
        let calls = stage.timed_calls();
        let late = calls.iter().filter(|(at, _)| *at > reloaded + ALLOWED);
        assert_eq!(late.count(), 0, "{forbids}: {} calls", calls.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_far_larger_than_its_relations_can_be_is_refused() {
    let stage = Stage::open(RARELY, |_| {
        Odd::ok(json!({"items": [], "cursor": null, "more": "x".repeat(1 << 20)}))
    })
    .await;
    stage.enroll(7, 10).await;
    stage.daemon.wait_for_log("the body is larger than");
}

/// Many answers come at once, each nearly as large as an answer may be and slow to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_answers_together_take_a_bounded_part_of_the_memory() {
    const CALLS: usize = 100;
    const BODY_BYTES: usize = 4_000_000;
    let text = json!({"items": [], "cursor": null, "more": "x".repeat(BODY_BYTES)}).to_string();
    let body = Bytes::from(text);
    let answer = move || {
        let body = body.clone();
        async move {
            let (most, last) = (body.slice(..body.len() - 1), body.slice(body.len() - 1..));
            let length = body.len();
            let pieces = stream::unfold(vec![last, most], |mut pieces| async {
                if pieces.len() == 1 {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                let piece = pieces.pop()?;
                Some((Ok::<_, std::io::Error>(piece), pieces))
            });
            Response::builder()
                .header("content-length", length)
                .body(Body::from_stream(pieces))
                .expect("an answer")
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a socket");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut daemon = Process::new(&format!(
        "[unipile]\nbase_url = \"http://{address}\"\napi_key = \"the-key\"\n[poll]\n{RARELY}\npage_size = 1000\n"
    ));
    daemon.start(&[], &[]);
    let http = acceptd::http::client(Duration::from_secs(20)).expect("a client");
    let url = daemon.url("/v1/enrollments");
    let sent = http.post(url).body(rows(CALLS).to_string()).send().await;
    assert_eq!(sent.expect("an answer").status(), 200);
    let until = Instant::now() + Duration::from_secs(90);
    let polled = async || {
        let url = daemon.url("/v1/accounts?limit=500");
        let answer = http.get(url).send().await.expect("an answer");
        let accounts: Value = answer.json().await.expect("JSON");
        let items = accounts["items"].as_array().expect("items").clone();
        items.iter().filter(|a| !a["lastPollAt"].is_null()).count()
    };
    while polled().await < CALLS {
        assert!(Instant::now() < until, "{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let peak = daemon.peak_memory_bytes();
    println!(
        "{CALLS} answers of {BODY_BYTES} bytes at once: {} MB at most",
        peak / 1_000_000
    );
    assert!(peak < CALLS * BODY_BYTES * 3 / 4, "{peak} bytes");
}
