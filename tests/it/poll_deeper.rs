//! Whatever opens an enrollment again, the next poll reads down to its invite, even below what was already read for others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use acceptd::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::evidence_support::profile_id;
use crate::odd_provider::{Stage, days_ago, page, relation};

/// Soon and often, with this lookback and horizon.
fn quick(lookback: &str, horizon: &str) -> String {
    format!(
        "every = \"1s\"\njitter = \"1ms\"\nspacing = \"50ms\"\nspacing_jitter = \"1ms\"\nlookback = \"{lookback}\"\n\
         horizon = \"{horizon}\""
    )
}

/// A list of two pages. Page one reaches back 5 days; on page two there is somebody once they are connected.
struct List {
    stage: Stage,
    connected: Arc<AtomicBool>,
}

impl List {
    async fn open(poll: &str) -> Self {
        let connected = Arc::new(AtomicBool::new(false));
        let shown = connected.clone();
        let stage = Stage::open(poll, move |target| {
            if !target.contains("cursor=two") {
                page(&[relation(901, json!(days_ago(5)))], Some("two"))
            } else if shown.load(Ordering::SeqCst) {
                page(&[relation(7, json!(days_ago(20)))], None)
            } else {
                page(&[], None)
            }
        })
        .await;
        Self { stage, connected }
    }

    /// Somebody invited yesterday, for whom page one suffices.
    async fn enroll_another(&self) {
        self.stage.enroll(8, 1).await;
    }

    /// Waits for polls that read page one alone.
    async fn shallow(&self) {
        let before = self.stage.calls().len();
        self.stage
            .until("polls that end above", async || {
                let calls = self.stage.calls();
                calls.len() > before + 2
                    && calls[calls.len() - 2..].iter().all(|c| !c.contains("two"))
            })
            .await;
    }

    async fn send(&self, method: &str, path: &str, body: Value) {
        let (status, answer) = self.stage.send(method, path, body).await;
        assert_eq!(status, 200, "{answer}");
        assert!(
            answer["failed"].is_null() || answer["failed"] == 0,
            "{answer}"
        );
    }

    async fn found(&self, id: &str) {
        self.stage.accepted(id).await;
    }

    fn connect(&self) {
        self.connected.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_moved_out_of_a_closed_campaign() {
    for closed in ["draft", "archived"] {
        let list = List::open(&quick("30d", "180d")).await;
        list.enroll_another().await;
        let mut row = json!({
            "id": "enr_7", "accountId": "acc_1", "campaignId": "closed", "providerId": profile_id(7),
            "invitedAt": Timestamp(days_ago(40)),
        });
        list.send("POST", "/v1/enrollments", row.clone()).await;
        list.send("PATCH", "/v1/campaigns/closed", json!({"status": closed}))
            .await;
        list.shallow().await;
        list.connect();
        row["campaignId"] = json!("c");
        list.send("POST", "/v1/enrollments", row).await;
        list.found("enr_7").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_that_runs_again_deepens_but_a_rename_does_not() {
    let list = List::open(&quick("30d", "180d")).await;
    list.enroll_another().await;
    let row = json!({
        "id": "enr_7", "accountId": "acc_1", "campaignId": "other", "providerId": profile_id(7),
        "invitedAt": Timestamp(days_ago(40)),
    });
    list.send("POST", "/v1/enrollments", row).await;
    list.send(
        "PATCH",
        "/v1/campaigns/other",
        json!({"status": "archived"}),
    )
    .await;
    list.shallow().await;
    list.send("PATCH", "/v1/campaigns/c", json!({"name": "Founders"}))
        .await;
    let before = list.stage.calls().len();
    list.shallow().await;
    let calls = list.stage.calls();
    assert!(
        calls[before..].iter().all(|c| !c.contains("two")),
        "{calls:?}"
    );
    list.connect();
    list.send("PATCH", "/v1/campaigns/other", json!({"status": "running"}))
        .await;
    list.found("enr_7").await;
}

/// Enrolls `row`, then puts another lookback and horizon in force by a reload or a restart; then it is found.
async fn found_with(row: Value, before: &str, after: &str, restart: bool) {
    let mut list = List::open(before).await;
    list.enroll_another().await;
    list.send("POST", "/v1/enrollments", row.clone()).await;
    list.shallow().await;
    list.connect();
    list.stage.configure(after);
    if restart {
        list.stage.daemon.stop();
        list.stage.daemon.start(&[], &[]);
    } else {
        list.stage.daemon.signal("HUP");
    }
    list.found(row["id"].as_str().expect("an id")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_wider_lookback_reaches() {
    let row = json!({
        "id": "enr_7", "accountId": "acc_1", "campaignId": "c", "providerId": profile_id(7),
    });
    for restart in [false, true] {
        let (before, after) = (quick("1d", "180d"), quick("30d", "180d"));
        found_with(row.clone(), &before, &after, restart).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_wider_horizon_reaches() {
    let row = json!({
        "id": "enr_7", "accountId": "acc_1", "campaignId": "c", "providerId": profile_id(7),
        "invitedAt": Timestamp(days_ago(40)),
    });
    for restart in [false, true] {
        let (before, after) = (quick("1d", "35d"), quick("1d", "60d"));
        found_with(row.clone(), &before, &after, restart).await;
    }
}
