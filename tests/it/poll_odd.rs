//! Polling when the provider gives unexpected answers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

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
async fn an_answer_ends_no_outage_reported_after_its_call() {
    let stage = Stage::open(RARELY, |_| Odd {
        after: Duration::from_millis(1_000),
        ..page(&[relation(901, json!(days_ago(30)))], None)
    })
    .await;
    stage.enroll(7, 10).await;
    stage
        .until("a call", async || !stage.calls().is_empty())
        .await;
    let report = json!({"AccountStatus": {
        "account_id": "acc_1", "account_type": "LINKEDIN", "message": "CREDENTIALS",
    }});
    let (status, _) = stage.send("POST", "/webhooks/unipile", report).await;
    assert_eq!(status, 200);
    stage
        .until("its answer", async || {
            !stage.account().await["lastPollAt"].is_null()
        })
        .await;
    let account = stage.account().await;
    assert_eq!(account["health"], "UNHEALTHY", "{account}");
    // The next call is the probe, a day after the outage began.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_of_a_stamped_prospect_makes_no_call() {
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
async fn a_failing_profile_delays_no_poll_and_is_given_up() {
    let stage = Stage::open(QUICK, |target| {
        if target.contains("relations") {
            page(&[], None)
        } else if target.contains(&profile_id(7)) {
            Odd::error(422, json!({"type": "errors/never_heard_of", "status": 422}))
        } else if target.contains(&profile_id(9)) {
            Odd::ok(json!({"object": "UserProfile", "provider_id": profile_id(901), "network_distance": "FIRST_DEGREE"}))
        } else {
            Odd::error(503, json!({}))
        }
    })
    .await;
    for (number, said, asked) in [
        (7, "shows no such profile", 1),
        (9, "another person's profile", 1),
        (8, "is given up", 5),
    ] {
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
        // Nothing of somebody else is kept under the prospect.
        let e = stage
            .send("GET", &format!("{path}?raw=true"), Value::Null)
            .await
            .1;
        assert!(!e.to_string().contains(&profile_id(901)), "{e}");
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
        due.push(
            acceptd::domain::time::Timestamp::parse(text)
                .expect("a time")
                .0,
        );
    }
    assert!(due.is_sorted_by(|a, b| b - a >= 3_600_000), "{due:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_cursor_starts_over_at_once_and_only_once() {
    static EXPIRED: AtomicUsize = AtomicUsize::new(0);
    let script = |target: &str| {
        if !target.contains("cursor=") {
            page(&[relation(901, json!(days_ago(1)))], Some("two"))
        } else if target.contains("acc_2") || EXPIRED.fetch_add(1, Ordering::SeqCst) == 0 {
            Odd::error(400, json!({"type": "errors/invalid_parameters"}))
        } else {
            page(&[relation(7, json!(days_ago(3)))], None)
        }
    };
    let stage = Stage::open(RARELY, script).await;
    let id = stage.enroll(7, 10).await;
    stage.accepted(&id).await;
    assert_eq!(stage.calls().len(), 4);

    // One that takes none of its cursors doesn't cost the whole budget.
    let row = json!({"id": "other", "accountId": "acc_2", "campaignId": "c", "providerId": profile_id(8)});
    stage.send("POST", "/v1/enrollments", row).await;
    let of_other = || stage.calls().iter().filter(|c| c.contains("acc_2")).count();
    stage.until("two tries", async || of_other() == 4).await;
    stage.daemon.wait_for_log("refused two of its own cursors");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(of_other(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_cursor_after_a_finished_poll_starts_over() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let stage = Stage::open(RARELY, |target| {
        let call = CALLS.fetch_add(1, Ordering::SeqCst);
        if target.contains("cursor=") {
            return Odd::error(400, json!({"type": "errors/invalid_parameters"}));
        }
        // The second list ends on its first page; the third begins with somebody new.
        let newest = relation(if call < 3 { 901 } else { 902 }, json!(days_ago(1)));
        page(&[newest], (call != 2).then_some("two"))
    })
    .await;
    stage.enroll(7, 10).await;
    stage
        .until("a finished poll", async || {
            !stage.account().await["lastPollAt"].is_null()
        })
        .await;
    assert_eq!(stage.calls().len(), 3);
    stage
        .send("POST", "/v1/accounts/acc_1/resync", Value::Null)
        .await;
    stage
        .until("a third start", async || stage.calls().len() >= 6)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_during_a_poll_brings_another_poll() {
    let stage = Stage::open(RARELY, |_| Odd {
        after: Duration::from_millis(500),
        ..page(&[relation(901, json!(days_ago(30)))], None)
    })
    .await;
    stage.enroll(7, 10).await;
    // The first by itself, the second asked for.
    for calls in [1, 2] {
        stage
            .until("a call", async || stage.calls().len() == calls)
            .await;
        let (status, _) = stage
            .send("POST", "/v1/accounts/acc_1/resync", Value::Null)
            .await;
        assert_eq!((status, stage.calls().len()), (202, calls));
    }
    stage
        .until("another", async || stage.calls().len() == 3)
        .await;
    // Nobody asked for a fourth.
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(stage.calls().len(), 3);
}
