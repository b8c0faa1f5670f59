//! A poll reaches its end however short the tick is, through empty pages and through pages that are not full.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::odd_provider::{Stage, days_ago, page, relation};

/// One poll, and nothing more by itself.
const RARELY: &str =
    "every = \"1h\"\njitter = \"1ms\"\nspacing = \"50ms\"\nspacing_jitter = \"1ms\"";

/// The place that a target asks for; 0 for page one.
fn place(target: &str) -> usize {
    target
        .split("cursor=at-")
        .nth(1)
        .map_or(0, |at| at.parse().expect("our own cursor"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_shorter_than_the_spacing_does_not_block_a_poll() {
    let often = "every = \"20ms\"\njitter = \"1ms\"\nspacing = \"100ms\"\nspacing_jitter = \"1ms\"";
    let stage = Stage::open(often, |target| match place(target) {
        3 => page(&[relation(7, json!(days_ago(5)))], None),
        at => page(
            &[relation(901 + at as u64, json!(days_ago(1 + at as i64)))],
            Some(&format!("at-{}", at + 1)),
        ),
    })
    .await;
    let id = stage.enroll(7, 10).await;
    stage.accepted(&id).await;
    let places: Vec<usize> = stage.calls().iter().map(|call| place(call)).collect();
    assert_eq!(places, [0, 1, 0, 2, 0, 3], "by turns");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_always_fails_leaves_page_one_its_turn() {
    let stage = Stage::open(
        "every = \"20ms\"\njitter = \"1ms\"\nspacing = \"50ms\"\nspacing_jitter = \"1ms\"",
        |target| match place(target) {
            0 => page(&[relation(901, json!(days_ago(1)))], Some("at-1")),
            _ => crate::odd_provider::Odd::error(500, json!({})),
        },
    )
    .await;
    stage.enroll(7, 10).await;
    stage
        .until("page one again", async || {
            stage.calls().iter().filter(|call| place(call) == 0).count() >= 3
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_page_with_a_cursor_ends_no_poll() {
    let stage = Stage::open(RARELY, |target| match place(target) {
        at @ (0 | 1 | 3 | 4) => page(&[], Some(&format!("at-{}", at + 1))),
        2 => page(&[relation(901, json!(days_ago(1)))], Some("at-3")),
        _ => page(&[relation(7, json!(days_ago(5)))], None),
    })
    .await;
    let id = stage.enroll(7, 10).await;
    stage.enroll(8, 10).await;
    stage.accepted(&id).await;
    stage
        .until("a finished poll", async || {
            !stage.account().await["lastPollAt"].is_null()
        })
        .await;
    // Its watermark is the newest relation of all, which was not on page one.
    let before = stage.calls().len();
    stage
        .send("POST", "/v1/accounts/acc_1/resync", Value::Null)
        .await;
    stage
        .until("a second poll", async || stage.calls().len() >= before + 3)
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let places: Vec<usize> = stage.calls()[before..].iter().map(|c| place(c)).collect();
    assert!(
        places == [0, 1, 2] || places.ends_with(&[0, 1, 2]),
        "down to the watermark: {places:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_empty_pages_end_a_poll_unfinished_over_a_restart() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let mut stage = Stage::open(RARELY, |target| {
        let calls = CALLS.fetch_add(1, Ordering::SeqCst);
        let mut odd = page(&[], Some(&format!("at-{}", place(target) + 1)));
        if calls == 6 {
            odd.after = Duration::from_secs(5);
        }
        odd
    })
    .await;
    stage.enroll(7, 10).await;
    stage
        .until("the slow call", async || stage.calls().len() == 7)
        .await;
    stage.daemon.signal("KILL");
    stage.daemon.wait();
    // At the start every account is looked at; the tick is an hour away.
    stage.daemon.start(&[], &[]);
    stage.daemon.wait_for_log("ends unfinished");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let places: Vec<usize> = stage.calls().iter().map(|call| place(call)).collect();
    assert_eq!(places, [0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9]);
    assert_eq!(stage.account().await["lastPollAt"], Value::Null);

    // It begins anew when there is a reason to.
    stage
        .send("POST", "/v1/accounts/acc_1/resync", Value::Null)
        .await;
    stage
        .until("a second poll", async || stage.calls().len() == 21)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_are_not_full_end_no_poll() {
    const LAST: usize = 50;
    let short = "every = \"1h\"\njitter = \"1ms\"\nspacing = \"1ms\"\nspacing_jitter = \"0s\"\npage_size = 1000";
    let stage = Stage::open(short, |target| match place(target) {
        LAST => page(&[relation(7, json!(days_ago(5)))], None),
        at => page(
            &[relation(901 + at as u64, json!(days_ago(1)))],
            Some(&format!("at-{}", at + 1)),
        ),
    })
    .await;
    let id = stage.enroll(7, 10).await;
    stage.accepted(&id).await;
    assert_eq!(stage.calls().len(), LAST + 1);
}
