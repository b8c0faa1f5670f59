//! A scripted provider, for answers that the simulated provider never gives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use serde_json::{Value, json};

use crate::evidence_support::{SECRET, profile_id};
use crate::process::Process;
use crate::site_support::TOKEN;

/// An answer: after how long, with which status, header and body.
pub struct Odd {
    pub after: Duration,
    pub status: u16,
    pub header: Option<(&'static str, String)>,
    pub body: Value,
}

impl Odd {
    /// 200 with a body.
    pub fn ok(body: Value) -> Self {
        Self::error(200, body)
    }

    /// Any status with a body.
    pub fn error(status: u16, body: Value) -> Self {
        Self {
            after: Duration::ZERO,
            status,
            header: None,
            body,
        }
    }
}

/// A page of relations.
pub fn page(items: &[Value], cursor: Option<&str>) -> Odd {
    Odd::ok(json!({"object": "UserRelationsList", "items": items, "cursor": cursor}))
}

/// A relation as the list shows it.
pub fn relation(number: u64, created_at: Value) -> Value {
    json!({"object": "UserRelation", "member_id": profile_id(number), "created_at": created_at})
}

/// Epoch milliseconds of so many days ago.
pub fn days_ago(days: i64) -> i64 {
    acceptd::clock::Clock::system().now().0 - days * 86_400_000
}

fn configuration(address: SocketAddr, poll: &str) -> String {
    format!(
        "server.admin_token = \"{TOKEN}\"\n[unipile]\nbase_url = \"http://{address}\"\napi_key = \"the-key\"\nwebhook_secret = \"{SECRET}\"\n\
         [poll]\n{poll}\n"
    )
}

type Script = dyn Fn(&str) -> Odd + Send + Sync;

/// The daemon before a provider that follows a script.
pub struct Stage {
    pub daemon: Process,
    /// The targets that were asked for, in their order, and when.
    calls: Arc<Mutex<Vec<(Instant, String)>>>,
    http: reqwest::Client,
    address: SocketAddr,
}

impl Stage {
    /// `poll` is added to the configuration, under `[poll]`; the script gets path and query.
    pub async fn open(poll: &str, script: impl Fn(&str) -> Odd + Send + Sync + 'static) -> Self {
        acceptd::http::tls_ready();
        let calls: Arc<Mutex<Vec<(Instant, String)>>> = Arc::default();
        let (seen, script): (_, Arc<Script>) = (calls.clone(), Arc::new(script));
        let answer = move |request: Request| {
            let target = request.uri().to_string();
            // The account list is read at times of its own. No test here is about it.
            let odd = if target.starts_with("/api/v1/accounts") {
                Odd::ok(json!({"items": [], "cursor": null}))
            } else {
                let came = (Instant::now(), target.clone());
                seen.lock().expect("no panic").push(came);
                script(&target)
            };
            async move {
                tokio::time::sleep(odd.after).await;
                let mut response = Response::builder().status(odd.status);
                if let Some((name, value)) = odd.header {
                    response = response.header(name, value);
                }
                response
                    .body(Body::from(odd.body.to_string()))
                    .expect("an answer")
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a socket");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        let mut daemon = Process::new(&configuration(address, poll));
        daemon.start(&[], &[]);
        Self {
            daemon,
            address,
            calls,
            http: reqwest::Client::new(),
        }
    }

    /// The targets that were asked for, in their order.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.timed_calls().into_iter();
        calls.map(|(_, target)| target).collect()
    }

    /// The same, and when each call came.
    pub fn timed_calls(&self) -> Vec<(Instant, String)> {
        self.calls.lock().expect("no panic").clone()
    }

    /// Writes another configuration; it counts from the next start or reload.
    pub fn configure(&self, poll: &str) {
        self.daemon.configure(&configuration(self.address, poll));
    }

    /// Reports the status of an account, as the provider does.
    pub async fn report(&self, account: &str, message: &str) {
        let body = json!({"AccountStatus": {
            "account_id": account, "account_type": "LINKEDIN", "message": message,
        }});
        let (status, answer) = self.send("POST", "/webhooks/unipile", body).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Asks the daemon.
    pub async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self
            .http
            .request(method.parse().expect("a method"), self.daemon.url(path))
            .bearer_auth(TOKEN)
            .header("Unipile-Auth", SECRET)
            .body(body.to_string())
            .send()
            .await
            .expect("the daemon answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// Enrolls somebody who was invited so many days ago.
    pub async fn enroll(&self, number: u64, days: i64) -> String {
        let id = format!("enr_{number}");
        let row = json!({
            "id": id, "accountId": "acc_1", "campaignId": "c", "providerId": profile_id(number),
            "invitedAt": acceptd::domain::time::Timestamp(days_ago(days)),
        });
        let (status, body) = self.send("POST", "/v1/enrollments", row).await;
        assert_eq!((status, &body["failed"]), (200, &json!(0)), "{body}");
        id
    }

    /// Waits until it holds.
    pub async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let end = std::time::Instant::now() + Duration::from_secs(20);
        while !holds().await {
            assert!(
                std::time::Instant::now() < end,
                "{what}: {:?}\n{}",
                self.calls(),
                self.daemon.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The enrollment, once it is accepted.
    pub async fn accepted(&self, id: &str) -> Value {
        let path = format!("/v1/enrollments/{id}");
        self.until(id, async || {
            !self.send("GET", &path, Value::Null).await.1["acceptedAt"].is_null()
        })
        .await;
        self.send("GET", &path, Value::Null).await.1
    }

    /// The account as the API shows it.
    pub async fn account(&self) -> Value {
        self.send("GET", "/v1/accounts", Value::Null).await.1["items"][0].clone()
    }
}
