//! The HTTP surface on a real socket, with a database of its own. It neither polls nor delivers.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::config::{self, Config};
use acceptd::daemon::plan::plan;
use acceptd::daemon::steps;
use acceptd::intake::Intake;
use acceptd::metrics::Metrics;
use acceptd::poll::Plan;
use acceptd::reconcile::{AuditedWrites, Policy, ReconcileObserver, Reconciler, Report, Route};
use acceptd::store::{NoObserver, Store};
use acceptd::web::server::{self, Endpoint};
use acceptd::web::{App, Parts, router};
use axum::Router;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::invariants_support::{self, Known, destinations_that_want_all};

/// The admin token of the sites that have one.
pub const TOKEN: &str = "the-admin-token-of-a-test";

/// How many connections a site takes at once.
pub const CONNECTIONS_MAX: usize = 300;

struct Nobody;

impl ReconcileObserver for Nobody {
    fn committed(&self, _: &Report) {}
}

/// A running site; it ends when it is dropped.
pub struct Site {
    pub store: Store,
    pub address: SocketAddr,
    pub clock: Clock,
    pub reconciler: Reconciler,
    /// What the socket serves, for requests that need no connection.
    pub router: Router,
    pub shutdown: CancellationToken,
    config: watch::Sender<Arc<Config>>,
    _trouble: watch::Sender<Option<String>>,
    _plans: watch::Sender<Arc<Plan>>,
    folder: TempDir,
    invariants: Known,
    /// Whether a reload may have brought other destinations.
    reloaded: AtomicBool,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
        let mut known = self.invariants.clone();
        if self.reloaded.load(Ordering::Relaxed) {
            known.destinations.clear();
        }
        invariants_support::check(&self.database(), &known);
    }
}

impl Site {
    pub async fn start(toml: &str) -> Self {
        Self::with_places(toml, CONNECTIONS_MAX).await
    }

    pub async fn with_places(toml: &str, connections_max: usize) -> Self {
        Self::whole(toml, connections_max, Clock::system(), |_| {}).await
    }

    /// A site over a database that `prepare` made at this path.
    pub async fn over(toml: &str, prepare: impl FnOnce(&Path)) -> Self {
        Self::whole(toml, CONNECTIONS_MAX, Clock::system(), prepare).await
    }

    /// A site with [`TOKEN`] on a clock, where what is due after an accept goes out.
    pub async fn on_clock(clock: Clock) -> Self {
        Self::on_clock_with(clock, "").await
    }

    /// The same with more in its configuration.
    pub async fn on_clock_with(clock: Clock, more: &str) -> Self {
        let toml = format!("[server]\nadmin_token = \"{TOKEN}\"\n{more}");
        Self::whole(&toml, CONNECTIONS_MAX, clock, |_| {}).await
    }

    /// Puts the rules of another configuration in force, as a reload does.
    pub fn reload(&self, more: &str) {
        let toml = format!("[server]\nadmin_token = \"{TOKEN}\"\n{more}");
        let (config, _) = config::parse(&toml).expect("a configuration");
        self.reloaded.store(true, Ordering::Relaxed);
        self.reconciler.set_policy(policy(&config));
    }

    async fn whole(
        toml: &str,
        connections_max: usize,
        clock: Clock,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(&folder.path().join("acceptd.db"));
        let store = Store::open(&folder.path().join("acceptd.db"), Arc::new(NoObserver))
            .expect("a database");
        let (config, _) = config::parse(toml).expect("a configuration");
        let note_key = store.write(|tx| tx.note_key()).await.expect("a key");
        let reconciler = Reconciler::new(
            store.clone(),
            clock.clone(),
            note_key,
            policy(&config),
            Arc::new(Nobody),
        );
        let config = Arc::new(config);
        let rules = plan(&config, &Clock::system()).expect("a plan");
        let (plans, plans_in_force) = watch::channel(Arc::new(rules));
        let (config, config_in_force) = watch::channel(config);
        let (trouble, poll_trouble) = watch::channel(None);
        let shutdown = CancellationToken::new();
        let metrics = Metrics::new();
        let app = App::new(Parts {
            store: store.for_api(),
            writes: AuditedWrites::new(reconciler.clone()),
            intake: Intake::new(reconciler.clone()),
            clock: clock.clone(),
            config: config_in_force,
            metrics: metrics.clone(),
            poll_trouble,
            plans: plans_in_force,
            shutdown: shutdown.clone(),
        });
        let router = router(app);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(server::serve(
            vec![Endpoint {
                listeners: vec![listener],
                router: router.clone(),
                connections_max,
            }],
            metrics,
            Duration::from_secs(5),
            shutdown.clone(),
        ));
        let steps = steps::run(
            reconciler.clone(),
            clock.clone(),
            store.wakes().steps.clone(),
        );
        let stop = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = steps => {}
            }
        });
        Self {
            store,
            address,
            clock,
            reconciler,
            router,
            shutdown,
            config,
            _trouble: trouble,
            _plans: plans,
            folder,
            invariants: Known {
                stopped_cleanly: false,
                destinations: destinations_that_want_all(toml),
            },
            reloaded: AtomicBool::new(false),
        }
    }

    /// A site with [`TOKEN`].
    pub async fn guarded() -> Self {
        Self::start(&format!("[server]\nadmin_token = \"{TOKEN}\"\n")).await
    }

    /// Where its database is.
    pub fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("acceptd.db")
    }

    /// Puts another configuration in force, as a reload does.
    pub fn reconfigure(&self, toml: &str) {
        let (config, _) = config::parse(toml).expect("a configuration");
        self.config.send_replace(Arc::new(config));
    }

    /// Logs in. Returns the cookie as a browser sends it.
    pub async fn log_in(&self, token: &str) -> String {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .finish();
        let answer = client()
            .post(self.url("/login"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 303, "the token is right");
        let cookie = answer.headers()["set-cookie"].to_str().expect("text");
        cookie.split(';').next().expect("a pair").to_owned()
    }

    /// Asks with the admin token; answers with status and JSON (null when there is none).
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let mut ask = client().request(method, self.url(path)).bearer_auth(TOKEN);
        if let Some(body) = body {
            ask = ask.body(body.to_string());
        }
        let answer = ask.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, Some(body)).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A client that follows nothing and keeps no cookie.
pub fn client() -> reqwest::Client {
    acceptd::http::client(Duration::from_secs(20)).expect("a client")
}

fn policy(config: &Config) -> Policy {
    Policy {
        workspace: config.workspace_id.clone(),
        accounts: acceptd::daemon::policy::policy(config).accounts,
        routes: config
            .destinations
            .iter()
            .map(|d| Route {
                name: d.name.clone(),
                events: d.events.clone(),
                pre_connected: true,
                backfill: true,
                ..Route::default()
            })
            .collect(),
        announce_within: config.events.announce_within,
        horizon: config.poll.horizon,
        steps: acceptd::daemon::policy::policy(config).steps,
    }
}
