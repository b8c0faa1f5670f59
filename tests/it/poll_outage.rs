//! An account in an outage is called only for a probe that is due or that a person requests.

use std::time::Duration;

use serde_json::{Value, json};

use crate::evidence_support::sales_id;
use crate::odd_provider::{Odd, Stage, days_ago, page, relation};

/// One poll, and nothing more by itself; the next call has to wait a second.
const SLOWLY: &str = "every = \"1h\"\njitter = \"1ms\"\nspacing = \"1s\"\nspacing_jitter = \"1ms\"";

async fn polled() -> Stage {
    let stage = Stage::open(SLOWLY, |_| {
        page(&[relation(901, json!(days_ago(30)))], None)
    })
    .await;
    stage.enroll(7, 10).await;
    stage
        .until("a first poll", async || {
            !stage.account().await["lastPollAt"].is_null()
        })
        .await;
    stage
}

/// Waits for longer than the spacing; nobody was called, and the outage goes on.
async fn nothing_happens(stage: &Stage, calls: usize) {
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    assert_eq!(stage.calls().len(), calls, "{:?}", stage.calls());
    assert_eq!(stage.account().await["health"], "UNHEALTHY");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_in_place_of_a_profile_is_no_probe() {
    let stage = polled().await;
    let row = json!({
        "id": "sales", "accountId": "acc_1", "campaignId": "c", "providerId": sales_id(8),
    });
    let (status, body) = stage.send("POST", "/v1/enrollments", row).await;
    assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
    let (status, body) = stage
        .send("POST", "/v1/enrollments/sales/resync", Value::Null)
        .await;
    assert_eq!(status, 202, "{body}");
    stage.report("acc_1", "CREDENTIALS").await;
    nothing_happens(&stage, 1).await;

    // It was promised: it is made when the account works again.
    stage.report("acc_1", "OK").await;
    stage
        .until("the poll", async || stage.calls().len() == 2)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_before_the_outage_is_no_probe_one_during_it_is() {
    let stage = polled().await;
    let ask = async || {
        let (status, body) = stage
            .send("POST", "/v1/accounts/acc_1/resync", Value::Null)
            .await;
        assert_eq!(status, 202, "{body}");
    };
    ask().await;
    stage.report("acc_1", "CREDENTIALS").await;
    nothing_happens(&stage, 1).await;

    ask().await;
    stage
        .until("the end of the outage", async || {
            stage.account().await["health"] == "OK"
        })
        .await;
    assert_eq!(stage.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_expires_during_an_outage_brings_no_probe() {
    let stage = Stage::open(SLOWLY, |target| {
        if target.contains("cursor=") {
            Odd {
                after: Duration::from_millis(800),
                ..Odd::error(400, json!({"type": "errors/invalid_parameters"}))
            }
        } else {
            page(&[relation(901, json!(days_ago(1)))], Some("two"))
        }
    })
    .await;
    stage.enroll(7, 10).await;
    stage
        .until("page two", async || stage.calls().len() == 2)
        .await;
    stage.report("acc_1", "CREDENTIALS").await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    nothing_happens(&stage, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_call_that_left_before_the_outage_puts_no_probe_off() {
    let stage = Stage::open(SLOWLY, |_| Odd {
        after: Duration::from_millis(800),
        ..Odd::error(500, json!({}))
    })
    .await;
    stage.enroll(7, 10).await;
    stage
        .until("a call", async || stage.calls().len() == 1)
        .await;
    stage.report("acc_1", "CREDENTIALS").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let account = stage.account().await;
    let at = |key: &str| {
        let text = account[key].as_str().unwrap_or_default();
        acceptd::domain::time::Timestamp::parse(text).map_or(0, |at| at.0)
    };
    assert_eq!(
        at("nextCallAt") - at("outageSince"),
        86_400_000,
        "{account}"
    );
}
