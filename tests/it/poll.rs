//! The poller in the real daemon against the simulated provider: it finds what webhooks missed, and calls no account too fast.

use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::domain::time::Timestamp;
use acceptd::sim::{Fault, Member, Rule, Settings, Sim};
use serde_json::{Value, json};

use crate::process::Process;

const SPACING: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    sim: Sim,
    daemon: Process,
    http: reqwest::Client,
}

impl World {
    async fn start(page_size: u32) -> Self {
        acceptd::http::tls_ready();
        let settings = Settings {
            api_key: "sim-key".to_owned(),
            ..Settings::default()
        };
        let sim = Sim::start(Clock::system(), settings)
            .await
            .expect("a simulated provider");
        sim.add_account("acc_1", Member::made_up(900_000));
        let mut daemon = Process::new(&format!(
            "[unipile]\nbase_url = \"{}\"\napi_key = \"sim-key\"\n[poll]\nevery = \"1s\"\njitter = \"20ms\"\n\
             spacing = \"250ms\"\nspacing_jitter = \"20ms\"\npage_size = {page_size}\n",
            sim.base_url()
        ));
        daemon.start(&[], &[]);
        Self {
            sim,
            daemon,
            http: reqwest::Client::new(),
        }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self
            .http
            .request(method.parse().expect("a method"), self.daemon.url(path))
            .json(&body)
            .send()
            .await
            .expect("the daemon answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(self.daemon.url(path)).send().await;
        answer
            .expect("the daemon answers")
            .json()
            .await
            .expect("JSON")
    }

    async fn enroll(&self, number: u64, invited: Option<Timestamp>) -> String {
        let id = format!("enr_{number}");
        let mut row = json!({
            "id": id, "accountId": "acc_1", "campaignId": "c",
            "providerId": Member::made_up(number).provider_id(),
        });
        if let Some(at) = invited {
            row["invitedAt"] = json!(at);
        }
        let (status, body) = self.send("POST", "/v1/enrollments", row).await;
        assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
        id
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < end,
                "{what}: {:?}\n{}",
                self.sim.calls(),
                self.daemon.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn accepted(&self, id: &str) -> Value {
        self.until(id, async || {
            !self.get(&format!("/v1/enrollments/{id}")).await["acceptedAt"].is_null()
        })
        .await;
        self.get(&format!("/v1/enrollments/{id}")).await
    }

    fn nobody_was_called_too_fast(&self) {
        let close = self.sim.violations(SPACING);
        assert!(close.is_empty(), "{close:?}");
    }
}

fn days_ago(days: u64) -> Timestamp {
    Clock::system()
        .now()
        .minus(Duration::from_secs(days * 86_400))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_accept_is_found_by_the_next_poll() {
    let w = World::start(100).await;
    w.sim.add_connections(
        "acc_1",
        (1..=30).map(|n| (Member::made_up(n), days_ago(n + 300))),
    );
    let member = Member::made_up(700);
    w.sim.add_member(member);
    let id = w.enroll(700, Some(days_ago(2))).await;
    w.until("a first poll", async || !w.sim.calls().is_empty())
        .await;
    let at = days_ago(1);
    w.sim.drop_webhooks(true);
    w.sim.accept("acc_1", 700, at);
    let e = w.accepted(&id).await;
    assert_eq!(e["acceptedAt"], json!(at));
    assert_eq!(
        (&e["source"], &e["acceptedAtPrecision"], &e["path"]),
        (&json!("poll"), &json!("exact"), &json!("bridge"))
    );
    // Nothing is open any more: nobody is called.
    tokio::time::sleep(SPACING).await;
    let calls = w.sim.calls().len();
    let account = &w.get("/v1/accounts").await["items"][0];
    assert_eq!(account["openEnrollments"], 0);
    assert_eq!(account["callsToday"].as_u64(), Some(calls as u64));
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_reads_to_the_bound_once_and_then_one_page() {
    let w = World::start(10).await;
    w.sim
        .add_connections("acc_1", (1..=60).map(|n| (Member::made_up(n), days_ago(n))));
    // The bound is 25 days back: the third page reaches beyond it.
    w.enroll(500, Some(days_ago(24))).await;
    let last_poll = async || {
        let account = &w.get("/v1/accounts").await["items"][0];
        !account["lastPollAt"].is_null()
    };
    w.until("a finished poll", last_poll).await;
    let first = w.sim.calls().len();
    w.until("more ticks", async || w.sim.calls().len() >= first + 2)
        .await;
    let cursors: Vec<bool> = w
        .sim
        .calls()
        .iter()
        .map(|call| call.query.contains("cursor"))
        .collect();
    let later_pages = cursors.iter().filter(|cursor| **cursor).count();
    assert_eq!(later_pages, 2, "{:?}", w.sim.calls());
    assert!(cursors[cursors.len() - 2..].iter().all(|cursor| !cursor));
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_poll_resumes_after_a_kill_in_its_spacing() {
    let mut w = World::start(5).await;
    w.sim
        .add_connections("acc_1", (1..=40).map(|n| (Member::made_up(n), days_ago(n))));
    let id = w.enroll(33, Some(days_ago(40))).await;
    for round in 1..=3 {
        w.until("some pages", async || w.sim.calls().len() >= 2 * round)
            .await;
        w.daemon.signal("KILL");
        w.daemon.wait();
        w.daemon.start(&[], &[]);
    }
    let e = w.accepted(&id).await;
    assert_eq!(e["source"], "poll");
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_asks_for_one_profile_and_requests_collapse() {
    let w = World::start(100).await;
    w.sim.add_member(Member::made_up(41));
    w.sim.add_member(Member::made_up(42));
    let id = w.enroll(41, None).await;
    w.enroll(42, None).await;
    // Keeps the list from telling first.
    w.sim.accept("acc_1", 41, Clock::system().now());
    let path = format!("/v1/enrollments/{id}/resync");
    let (status, first) = w.send("POST", &path, Value::Null).await;
    if status == 202 {
        let (_, second) = w.send("POST", &path, Value::Null).await;
        assert_eq!(first["resyncId"], second["resyncId"]);
        assert!(first["dueAt"].is_string());
    } else {
        assert_eq!(status, 409, "{first}");
    }
    w.accepted(&id).await;
    let (status, _) = w
        .send("POST", "/v1/enrollments/nobody/resync", Value::Null)
        .await;
    assert_eq!(status, 404);
    let (status, body) = w.send("POST", "/v1/resync", Value::Null).await;
    assert_eq!((status, &body["accounts"]), (202, &json!(1)));
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_stamps_where_the_list_is_silent() {
    let w = World::start(100).await;
    w.sim.add_member(Member::made_up(51));
    let id = w.enroll(51, None).await;
    w.until("a first poll", async || !w.sim.calls().is_empty())
        .await;
    w.sim.drop_webhooks(true);
    // The list fails from now on; only the profile can tell.
    w.sim
        .inject(Rule::always(Fault::HtmlBody).on(acceptd::sim::Route::Relations));
    w.sim.accept("acc_1", 51, Clock::system().now());
    let (status, promise) = w
        .send("POST", &format!("/v1/enrollments/{id}/resync"), Value::Null)
        .await;
    assert_eq!(status, 202, "{promise}");
    let e = w.accepted(&id).await;
    assert_eq!(
        (&e["source"], &e["acceptedAtPrecision"], &e["preConnected"]),
        (&json!("resync"), &json!("upper_bound"), &json!(true))
    );
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_after_a_move_asks_the_new_account() {
    let w = World::start(100).await;
    w.sim.add_account("acc_2", Member::made_up(900_001));
    w.sim.add_member(Member::made_up(53));
    let id = w.enroll(53, None).await;
    let path = format!("/v1/enrollments/{id}/resync");
    let (status, first) = w.send("POST", &path, Value::Null).await;
    assert_eq!(status, 202, "{first}");
    let moved = json!({"id": id, "accountId": "acc_2"});
    w.send("POST", "/v1/enrollments", moved).await;
    let (status, second) = w.send("POST", &path, Value::Null).await;
    assert_eq!(status, 202, "{second}");
    assert_ne!(first["resyncId"], second["resyncId"]);
    w.until("the new account's call", async || {
        w.sim
            .calls()
            .iter()
            .any(|c| c.path.contains("ACoAA") && c.account.as_deref() == Some("acc_2"))
    })
    .await;
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_another_account_was_asked_for_stamps_nothing() {
    let w = World::start(100).await;
    w.sim.add_member(Member::made_up(52));
    let id = w.enroll(52, None).await;
    w.until("a first poll", async || !w.sim.calls().is_empty())
        .await;
    w.sim.drop_webhooks(true);
    w.sim
        .inject(Rule::always(Fault::HtmlBody).on(acceptd::sim::Route::Relations));
    w.sim.inject(
        Rule::always(Fault::SlowHead(Duration::from_secs(2))).on(acceptd::sim::Route::Profile),
    );
    w.sim.accept("acc_1", 52, Clock::system().now());
    let path = format!("/v1/enrollments/{id}/resync");
    assert_eq!(w.send("POST", &path, Value::Null).await.0, 202);
    w.until("the call", async || {
        w.sim.calls().iter().any(|c| c.path.contains("ACoAA"))
    })
    .await;
    let moved = json!({"id": id, "accountId": "acc_2"});
    let (_, answer) = w.send("POST", "/v1/enrollments", moved).await;
    assert_eq!(answer["updated"], 1, "{answer}");
    let signals = "/v1/signals?source=resync";
    w.until("the answer", async || {
        w.get(signals).await["items"][0]["outcome"] == "recorded"
    })
    .await;
    assert_eq!(w.get(signals).await["items"][0]["accountId"], "acc_1");
    let e = w.get(&format!("/v1/enrollments/{id}")).await;
    assert!(e["acceptedAt"].is_null(), "{e}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disconnected_account_is_not_polled_and_announced_once() {
    let w = World::start(100).await;
    w.sim
        .inject(Rule::always(Fault::error(401, "disconnected_account")));
    let id = w.enroll(61, None).await;
    w.until("an outage", async || {
        w.get("/v1/accounts").await["items"][0]["health"] == "UNHEALTHY"
    })
    .await;
    let calls = w.sim.calls().len();
    assert_eq!(calls, 1);
    let events = w.get("/v1/events").await;
    let told: Vec<_> = events["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|event| event["type"] == "linkedin.account_disconnected")
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["data"]["reason"], "disconnected_account");
    let (status, _) = w
        .send("POST", &format!("/v1/enrollments/{id}/resync"), Value::Null)
        .await;
    assert_eq!(status, 409);
    // A manual resync of the account is one probe.
    w.sim.clear_faults();
    let (status, _) = w
        .send("POST", "/v1/accounts/acc_1/resync", Value::Null)
        .await;
    assert_eq!(status, 202);
    w.until("a probe that worked", async || {
        w.get("/v1/accounts").await["items"][0]["health"] == "OK"
    })
    .await;
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_stops_all_polling_and_readyz_says_why() {
    let w = World::start(100).await;
    w.sim
        .set(|settings| settings.api_key = "another".to_owned());
    w.enroll(71, None).await;
    w.until("trouble", async || {
        let ready = w.http.get(w.daemon.url("/readyz")).send().await;
        ready.expect("an answer").status() == 503
    })
    .await;
    assert_eq!(w.sim.calls().len(), 1);
    w.daemon.signal("USR1");
    w.daemon.wait_for_log("a poll of every account is due");
    assert_eq!(w.sim.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_backs_off_and_honours_retry_after() {
    let w = World::start(100).await;
    w.sim.inject(Rule::once(Fault::throttled(Some(2))));
    w.sim.add_member(Member::made_up(81));
    let id = w.enroll(81, Some(days_ago(1))).await;
    w.sim.drop_webhooks(true);
    w.sim.accept("acc_1", 81, Clock::system().now());
    w.accepted(&id).await;
    let calls = w.sim.calls();
    let gap = calls[1].started.since(calls[0].ended.expect("it ended"));
    assert!(gap >= Duration::from_secs(2), "{gap:?}");
}
