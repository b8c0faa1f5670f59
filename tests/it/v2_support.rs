//! The daemon before a simulated Unipile that speaks both APIs.

use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::domain::time::Timestamp;
use acceptd::sim::{Call, Member, Settings, Sim};
use serde_json::{Value, json};

use crate::process::Process;
use crate::site_support::TOKEN;

pub const SPACING: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// One poll a second.
pub const OFTEN: &str =
    "[poll]\nevery = \"1s\"\njitter = \"20ms\"\nspacing = \"200ms\"\nspacing_jitter = \"20ms\"\n";
/// One poll, and nothing more by itself.
pub const RARELY: &str =
    "[poll]\nevery = \"1h\"\njitter = \"1ms\"\nspacing = \"200ms\"\nspacing_jitter = \"20ms\"\n";

pub struct World {
    pub sim: Sim,
    pub daemon: Process,
    http: reqwest::Client,
}

impl World {
    /// Starts with the accounts `acc_v2` and `acc_v2b`, which are on API v2 only. `prepare` changes the provider before the daemon
    /// starts; `more` is added to the configuration.
    pub async fn start(more: &str, prepare: impl FnOnce(&Sim)) -> Self {
        acceptd::http::tls_ready();
        let sim = Sim::start(Clock::system(), Settings::default())
            .await
            .expect("a simulated provider");
        for (id, number) in [("acc_v2", 900_000), ("acc_v2b", 900_001)] {
            sim.add_account(id, Member::made_up(number));
            sim.connect_v2(id, id);
            sim.leave_v1(id);
        }
        prepare(&sim);
        let toml = configuration(&sim.base_url(), "simulated-key-v2");
        Self::over(sim, &format!("{toml}{more}"))
    }

    /// Starts with this provider and this configuration.
    pub fn over(sim: Sim, toml: &str) -> Self {
        let mut daemon = Process::new(&format!("server.admin_token = \"{TOKEN}\"\n{toml}"));
        daemon.start(&[], &[]);
        Self {
            sim,
            daemon,
            http: reqwest::Client::new(),
        }
    }

    pub async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self
            .http
            .request(method.parse().expect("a method"), self.daemon.url(path))
            .bearer_auth(TOKEN)
            .json(&body)
            .send()
            .await
            .expect("the daemon answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> Value {
        self.send("GET", path, Value::Null).await.1
    }

    /// Enrolls a member who was invited two days ago.
    pub async fn enroll(&self, account: &str, number: u64) -> String {
        self.sim.add_member(Member::made_up(number));
        let id = format!("enr_{account}_{number}");
        let row = json!({
            "id": id, "accountId": account, "campaignId": "c",
            "providerId": Member::made_up(number).provider_id(), "invitedAt": days_ago(2),
        });
        let (status, body) = self.send("POST", "/v1/enrollments", row).await;
        assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
        id
    }

    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds().await {
            let (calls, log) = (self.sim.calls(), self.daemon.log());
            assert!(Instant::now() < end, "{what}: {calls:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn accepted(&self, id: &str) -> Value {
        let path = format!("/v1/enrollments/{id}");
        self.until(id, async || !self.get(&path).await["acceptedAt"].is_null())
            .await;
        self.get(&path).await
    }

    /// The events of a type so far.
    pub async fn events(&self, event_type: &str) -> Vec<Value> {
        let all = self.get("/v1/events?limit=500").await;
        let all = all["items"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .filter(|event| event["type"] == event_type)
            .collect()
    }

    /// The calls so far whose path ends so.
    pub fn calls_to(&self, end: &str) -> Vec<Call> {
        let all = self.sim.calls().into_iter();
        all.filter(|call| call.path.ends_with(end)).collect()
    }

    pub fn nobody_was_called_too_fast(&self) {
        let close = self.sim.violations(SPACING);
        assert!(close.is_empty(), "{close:?}");
    }
}

/// A configuration with API v2 alone.
pub fn configuration(base_url: &str, key: &str) -> String {
    format!("[unipile_v2]\nbase_url = \"{base_url}\"\napi_key = \"{key}\"\n")
}

pub fn days_ago(days: u64) -> Timestamp {
    Clock::system()
        .now()
        .minus(Duration::from_secs(days * 86_400))
}
