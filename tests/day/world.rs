//! What the day happens in: the simulated provider, the receiver, the daemon, one clock for all of them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::Receiver;
use acceptd::sim::{Settings, Sim, Webhook};
use serde_json::Value;
use tempfile::TempDir;

use crate::cast::{self, OFFICE, POOR, POOR_BUDGET, SLOW, SLOW_SPACING};
use crate::daemon::Process;
use crate::{ACCOUNTS, PAGE_SIZE, START, STEP};

const TOKEN: &str = "the-token-of-the-simulated-day";
const SECRET: &str = "the-secret-of-the-provider";
/// How long an answer may really take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is really waited at each step of the clock, so that what was begun at the last one gets on.
const BREATH: Duration = Duration::from_micros(300);

pub struct World {
    pub clock: Clock,
    pub sim: Sim,
    pub receiver: Receiver,
    pub daemon: Process,
    /// Whether the poller has something to do.
    pub polls: bool,
    /// The daemon's database, looked at to see how far it is.
    watched: rusqlite::Connection,
    http: reqwest::Client,
    /// Where the daemon listens, over all its restarts.
    base: String,
    config: PathBuf,
    _dir: TempDir,
}

impl World {
    pub async fn new(key: &str) -> Self {
        acceptd::http::tls_ready();
        let clock = Clock::by_hand(START);
        let settings = Settings {
            api_key: key.to_owned(),
            ..Settings::default()
        };
        let sim = Sim::start(clock.clone(), settings)
            .await
            .expect("a provider");
        let receiver = Receiver::start(clock.clone()).await.expect("a receiver");
        let dir = roomy_memory()
            .or_else(|| tempfile::tempdir().ok())
            .expect("a directory");
        let config = dir.path().join("acceptd.toml");
        let database = config.with_file_name("acceptd.db");
        // The daemon makes it what it has to be.
        let watched = rusqlite::Connection::open(&database).expect("a database");
        let mut world = Self {
            daemon: Process::new(config.clone()),
            polls: true,
            watched,
            http: reqwest::Client::new(),
            base: format!("http://127.0.0.1:{}", free_port()),
            clock,
            sim,
            receiver,
            config,
            _dir: dir,
        };
        world.configure(key);
        world.register();
        world.daemon.start(START);
        world
    }

    /// Writes the configuration with this key of the provider's.
    pub fn configure(&self, key: &str) {
        let mut text = format!(
            "[server]\nlisten = \"{}\"\nadmin_token = \"{TOKEN}\"\n[database]\npath = \"{}\"\n\
             [unipile]\nbase_url = \"{}\"\napi_key = \"{key}\"\nwebhook_secret = \"{SECRET}\"\n\
             [poll]\npage_size = {PAGE_SIZE}\n\
             [[destination]]\nname = \"crm\"\nkind = \"webhook\"\nurl = \"{}\"\nrate = \"1000/s\"\n\
             events = [\"linkedin.invite_accepted\"]\n",
            self.base.trim_start_matches("http://"),
            self.config.with_file_name("acceptd.db").display(),
            self.sim.base_url(),
            self.receiver.url("/crm"),
        );
        for n in 0..ACCOUNTS {
            let name = cast::account(n);
            // Writing to a string can't fail.
            let _ = match n {
                n if POOR.contains(&n) => writeln!(
                    text,
                    "[[account]]\nid = \"{name}\"\nworkspace_id = \"ws_{n}\"\ndaily_budget = {POOR_BUDGET}"
                ),
                n if OFFICE.contains(&n) => writeln!(
                    text,
                    "[[account]]\nid = \"{name}\"\nworkspace_id = \"ws_{n}\"\nactive_hours = \"08:00-19:00\"\ntimezone = \"Europe/Berlin\""
                ),
                n if SLOW.contains(&n) => writeln!(
                    text,
                    "[[account]]\nid = \"{name}\"\nworkspace_id = \"ws_{n}\"\nspacing = \"{}s\"",
                    SLOW_SPACING.as_secs()
                ),
                _ => Ok(()),
            };
        }
        std::fs::write(&self.config, text).expect("a writable directory");
    }

    fn register(&self) {
        for (source, events) in [
            ("users", vec!["new_relation"]),
            ("messaging", vec!["message_received"]),
            ("account_status", vec!["OK", "CREDENTIALS"]),
        ] {
            self.sim.add_webhook(Webhook {
                id: source.to_owned(),
                source: source.to_owned(),
                name: source.to_owned(),
                request_url: format!("{}/webhooks/unipile", self.base),
                enabled: true,
                events: events.into_iter().map(str::to_owned).collect(),
                account_ids: Vec::new(),
                headers: vec![
                    ("Unipile-Auth".to_owned(), SECRET.to_owned()),
                    ("content-type".to_owned(), "application/json".to_owned()),
                ],
            });
        }
    }

    /// Lets one step of time go by for everybody: the daemon first, then the provider and the receiver.
    pub async fn step(&mut self) {
        self.daemon.advance(STEP);
        self.clock.advance(STEP);
        if self.daemon.is_up() {
            self.keep_up();
        }
    }

    /// A simulated second is over in no time, a commit is not: waits until webhooks are answered, everybody who is due was looked
    /// at, and no call is under way that is not kept waiting on purpose. The last two are no matter of right or wrong, and are
    /// not waited for without end: nobody is looked at after the provider refused the key.
    fn keep_up(&self) {
        let (begun, now) = (Instant::now(), self.now());
        loop {
            // Not on the runtime's timer, which knows whole milliseconds; its workers go on meanwhile.
            std::thread::sleep(BREATH);
            let waited = begun.elapsed();
            let told = self.sim.webhooks_on_the_wire() == 0;
            if told && (waited > self.patience() || self.is_idle(now)) {
                return;
            }
            assert!(
                waited < PATIENCE,
                "webhooks are not answered: {}",
                self.daemon.log()
            );
        }
    }

    fn patience(&self) -> Duration {
        if self.polls {
            Duration::from_millis(100)
        } else {
            Duration::ZERO
        }
    }

    fn is_idle(&self, now: Timestamp) -> bool {
        let due = "SELECT count(*) FROM account_poll WHERE next_look_at <= ?1";
        let calls = "SELECT count(*) FROM account_pace WHERE started_at IS NOT NULL";
        self.count(due, &[&now.0]) == 0 && self.count(calls, &[]) <= self.sim.held_calls()
    }

    /// How often a poll of any account was asked for, ever.
    pub fn wishes(&self) -> usize {
        self.count("SELECT coalesce(sum(asks), 0) FROM account_poll", &[])
    }

    /// Waits until the daemon has stored that a poll of every account was asked for.
    pub fn wait_for_wishes_after(&self, before: usize) {
        let begun = Instant::now();
        while self.wishes() < before + ACCOUNTS {
            assert!(begun.elapsed() < PATIENCE, "{}", self.daemon.log());
            std::thread::sleep(BREATH);
        }
    }

    fn count(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> usize {
        let mut counted = self.watched.prepare_cached(sql).expect("a query");
        let count: i64 = counted
            .query_row(values, |row| row.get(0))
            .expect("a count");
        usize::try_from(count).expect("a count")
    }

    /// Lets one step go by, and kills the daemon in the middle of what it began.
    pub async fn step_and_kill(&mut self, lives: Duration) {
        self.daemon.advance(STEP);
        self.clock.advance(STEP);
        tokio::time::sleep(lives).await;
        self.daemon.kill();
    }

    /// Asks the daemon's API. It has to be up.
    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self
            .http
            .request(
                method.parse().expect("a method"),
                format!("{}{path}", self.base),
            )
            .bearer_auth(TOKEN)
            .json(body)
            .send()
            .await
            .unwrap_or_else(|error| panic!("{method} {path}: {error:?}\n{}", self.daemon.log()));
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Every item of a list.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let (status, page) = self
                .ask("GET", &format!("{path}{cursor}"), &Value::Null)
                .await;
            assert_eq!(status, 200, "{page}");
            items.extend(page["items"].as_array().expect("a list").iter().cloned());
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A directory in memory, if there is one with room for a gigabyte. What is written outlives a SIGKILL there as on a disk, and a
/// day has half a million commits.
fn roomy_memory() -> Option<TempDir> {
    let memory = rustix::fs::statvfs("/dev/shm").ok()?;
    if memory.f_bavail * memory.f_frsize < 1 << 30 {
        return None;
    }
    tempfile::tempdir_in("/dev/shm").ok()
}

/// A port that is free now and stays so while the daemon is down: no connection is given one of these to go out from.
fn free_port() -> u16 {
    (0..1_000)
        .map(|_| rand::random_range(15_000..32_000))
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of them is free")
}
