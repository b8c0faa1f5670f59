//! Polling when the provider answers what nobody expects.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::evidence_support::profile_id;
use crate::odd_provider::{Odd, Stage, days_ago, page, relation};

/// Soon and often.
const QUICK: &str =
    "every = \"1s\"\njitter = \"1ms\"\nspacing = \"50ms\"\nspacing_jitter = \"1ms\"";
/// One poll, and nothing more by itself.
const RARELY: &str =
    "every = \"1h\"\njitter = \"1ms\"\nspacing = \"50ms\"\nspacing_jitter = \"1ms\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_can_t_be_true_does_not_end_a_poll() {
    let stage = Stage::open(RARELY, |target| {
        if target.contains("cursor=two") {
            return page(&[relation(7, json!(days_ago(3)))], None);
        }
        page(
            &[
                // Seconds instead of milliseconds, and no time at all.
                relation(901, json!(days_ago(1) / 1_000)),
                relation(902, json!(0)),
                relation(903, Value::Null),
            ],
            Some("two"),
        )
    })
    .await;
    let id = stage.enroll(7, 10).await;
    let e = stage.accepted(&id).await;
    assert_eq!((&e["source"], stage.calls().len()), (&json!("poll"), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_on_which_nobody_can_be_recognised_does_not_end_a_poll() {
    let stage = Stage::open(RARELY, |target| {
        if target.contains("cursor=two") {
            page(&[relation(7, json!(days_ago(3)))], None)
        } else {
            let hidden =
                json!({"first_name": "LinkedIn", "last_name": "Member", "created_at": days_ago(1)});
            page(&[hidden], Some("two"))
        }
    })
    .await;
    let id = stage.enroll(7, 10).await;
    stage.accepted(&id).await;
    assert_eq!(stage.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_whose_prospect_was_stamped_meanwhile_ends_without_a_call() {
    let slow = RARELY.replace("50ms", "2s");
    let stage = Stage::open(&slow, |_| page(&[], None)).await;
    let id = stage.enroll(7, 10).await;
    stage
        .until("a poll", async || {
            !stage.account().await["lastPollAt"].is_null()
        })
        .await;
    let resync = format!("/v1/enrollments/{id}/resync");
    let (status, first) = stage.send("POST", &resync, Value::Null).await;
    assert_eq!(status, 202, "{first}");
    let reason = json!({"reason": "said on the phone"});
    let (status, _) = stage
        .send("POST", &format!("/v1/enrollments/{id}/stamp"), reason)
        .await;
    assert_eq!(status, 200);
    let (status, second) = stage.send("POST", &resync, Value::Null).await;
    assert_eq!(
        (status, &second["resyncId"]),
        (202, &first["resyncId"]),
        "it collapses, stamped or not"
    );
    stage
        .until("a refusal", async || {
            stage.send("POST", &resync, Value::Null).await.0 == 409
        })
        .await;
    assert_eq!(stage.calls().len(), 1, "{:?}", stage.calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_is_refused_delays_no_poll() {
    let stage = Stage::open(QUICK, |target| {
        if target.contains("relations") {
            page(&[], None)
        } else {
            Odd::error(422, json!({"type": "errors/never_heard_of", "status": 422}))
        }
    })
    .await;
    for (number, said, asked) in [(7, "knows no such profile", 1)] {
        let id = stage.enroll(number, 10).await;
        let path = format!("/v1/enrollments/{id}");
        let (status, _) = stage
            .send("POST", &format!("{path}/resync"), Value::Null)
            .await;
        assert_eq!(status, 202);
        let reason = async || {
            let e = stage.send("GET", &path, Value::Null).await.1;
            e["signals"][0]["reason"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        stage
            .until(said, async || reason().await.contains(said))
            .await;
        let calls = stage.calls();
        let profiles = calls.iter().filter(|c| c.contains(&profile_id(number)));
        assert_eq!(profiles.count(), asked, "{calls:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_reopened_is_looked_for_below_what_was_read() {
    static CONNECTED: AtomicBool = AtomicBool::new(false);
    let stage = Stage::open(QUICK, |target| {
        if target.contains("cursor=two") && CONNECTED.load(Ordering::SeqCst) {
            page(&[relation(7, json!(days_ago(30)))], None)
        } else if target.contains("cursor=two") {
            page(&[], None)
        } else {
            page(&[relation(901, json!(days_ago(5)))], Some("two"))
        }
    })
    .await;
    stage.enroll(8, 1).await;
    let id = stage.enroll(7, 40).await;
    let path = format!("/v1/enrollments/{id}");
    let set = async |status: &str| {
        let body = json!({"status": status});
        assert_eq!(stage.send("PATCH", &path, body).await.0, 200);
    };
    set("DONE").await;
    let before = stage.calls().len();
    stage
        .until("a poll that ends above", async || {
            let calls = stage.calls();
            calls.len() > before + 1 && calls[before + 1..].iter().all(|c| !c.contains("two"))
        })
        .await;
    CONNECTED.store(true, Ordering::SeqCst);
    set("CONNECTION_SENT").await;
    stage.accepted(&id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_is_due_after_those_that_were_promised_before() {
    let slow = RARELY.replace("50ms", "1h");
    let stage = Stage::open(&slow, |_| page(&[], None)).await;
    let mut due = Vec::new();
    for number in [7, 8, 9] {
        let id = stage.enroll(number, 10).await;
        stage
            .until("a poll", async || {
                !stage.account().await["lastPollAt"].is_null()
            })
            .await;
        let path = format!("/v1/enrollments/{id}/resync");
        let (status, promise) = stage.send("POST", &path, Value::Null).await;
        assert_eq!(status, 202, "{promise}");
        let text = promise["dueAt"].as_str().unwrap_or_default();
        due.push(acceptd::domain::time::Ms::parse(text).expect("a time").0);
    }
    assert!(due.is_sorted_by(|a, b| b - a >= 3_600_000), "{due:?}");
}
