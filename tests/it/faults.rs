//! Faults of the disk, and how the daemon handles them. They are injected from outside by `LD_PRELOAD`: tests/data/fault.c.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::Client;
use rusqlite::Connection;
use serde_json::json;

use crate::process::Process;
use crate::site_support::TOKEN;

const CONFIGURATION: &str =
    "server.admin_token = \"the-admin-token-of-a-test\"\n[unipile]\nwebhook_secret = \"s\"\n";

/// The library, compiled once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fault.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(
            built
                .expect("a C compiler, which SQLite needs too")
                .success()
        );
        library
    })
}

struct Faulty {
    process: Process,
    client: Client,
}

impl Faulty {
    fn start() -> Self {
        let mut faulty = Self {
            process: Process::new(CONFIGURATION),
            client: acceptd::http::client(Duration::from_secs(10)).expect("a client"),
        };
        faulty.restart();
        faulty
    }

    fn restart(&mut self) {
        let faults = self.process.dir.path().to_owned();
        let settings = [("LD_PRELOAD", library()), ("FAULT_DIR", faults.as_path())];
        self.process.start(&["--log", "text"], &settings);
    }

    fn begin(&self, fault: &str) {
        std::fs::write(self.process.dir.path().join(fault), "").expect("a file");
    }

    fn end(&self, fault: &str) {
        std::fs::remove_file(self.process.dir.path().join(fault)).expect("the file");
    }

    async fn enroll(&self, count: usize) {
        let rows: Vec<_> = (0..count)
            .map(|n| json!({"id": format!("e{n}"), "accountId": "a", "linkedinUrl": format!("https://www.linkedin.com/in/p{n}")}))
            .collect();
        let ask = self.client.post(self.process.url("/v1/enrollments"));
        let ask = ask.bearer_auth(TOKEN);
        let answer = ask.body(json!(rows).to_string()).send().await;
        assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    }

    /// The status of the answer; `None` when the connection ended without one.
    async fn webhook(&self, n: usize) -> Option<u16> {
        let body = json!({"event": "new_relation", "account_id": "a", "account_type": "LINKEDIN", "user_full_name": "P",
            "user_provider_id": format!("opaque-{n}"), "user_public_identifier": format!("p{n}"),
            "user_profile_url": format!("https://www.linkedin.com/in/p{n}")});
        let ask = self.client.post(self.process.url("/webhooks/unipile"));
        let ask = ask.header("unipile-auth", "s").body(body.to_string());
        Some(ask.send().await.ok()?.status().as_u16())
    }

    async fn get(&self, path: &str) -> u16 {
        let ask = self.client.get(self.process.url(path)).bearer_auth(TOKEN);
        let answer = ask.send().await;
        answer.expect("an answer").status().as_u16()
    }

    fn count(&self, query: &str) -> i64 {
        let conn = Connection::open(self.process.dir.path().join("acceptd.db")).expect("the file");
        conn.query_row(query, [], |row| row.get(0))
            .expect("a count")
    }
}

/// A failed fsync is final: nothing is acknowledged any more, the process says why and ends with 1. After the restart the same
/// webhook is stamped once, whatever the failed transaction left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_fsync_ends_the_process_without_a_second_event() {
    let mut daemon = Faulty::start();
    daemon.enroll(3).await;
    assert_eq!(daemon.webhook(0).await, Some(200));
    daemon.begin("eio");
    for n in 1..3 {
        let status = daemon.webhook(n).await;
        assert!(matches!(status, None | Some(503)), "{status:?}");
    }
    let status = daemon.process.wait();
    assert_eq!(status.code(), Some(1));
    assert!(
        daemon.process.log().contains("fsync failed"),
        "{}",
        daemon.process.log()
    );
    daemon.end("eio");

    daemon.restart();
    for n in 0..3 {
        assert_eq!(daemon.webhook(n).await, Some(200));
    }
    assert!(daemon.process.stop().success());
    assert_eq!(
        daemon.count("SELECT count(*) FROM enrollments WHERE accepted_at IS NOT NULL"),
        3
    );
    assert_eq!(daemon.count("SELECT count(*) FROM events"), 3);
}

/// A full disk answers 503 and `/readyz` fails; when space returns everything goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_503_until_there_is_space() {
    let mut daemon = Faulty::start();
    daemon.enroll(2).await;
    assert_eq!(daemon.webhook(0).await, Some(200));
    daemon.begin("full");
    assert_eq!(daemon.webhook(1).await, Some(503));
    assert_eq!(daemon.get("/readyz").await, 503);
    assert_eq!(daemon.get("/healthz").await, 200);
    assert_eq!(daemon.get("/v1/enrollments").await, 200, "reading goes on");
    daemon.end("full");
    assert_eq!(daemon.webhook(1).await, Some(200));
    assert_eq!(daemon.get("/readyz").await, 200);
    assert!(daemon.process.stop().success());
    assert_eq!(daemon.count("SELECT count(*) FROM events"), 2);
}

/// `acceptd backup` under load: a copy that is whole, sound, and that a daemon starts on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_sound_and_starts() {
    let mut daemon = Faulty::start();
    daemon.enroll(400).await;
    let config = daemon.process.dir.path().join("acceptd.toml");
    let copy = daemon.process.dir.path().join("copy.db");
    let backup = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_acceptd"));
        command
            .arg("--config")
            .arg(&config)
            .arg("backup")
            .arg(&copy);
        command
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs")
    };
    let mut acknowledged = 0;
    let mut taken = None;
    for n in 0..400 {
        assert_eq!(daemon.webhook(n).await, Some(200));
        acknowledged += 1;
        if n == 200 {
            taken = Some(backup());
        }
    }
    let output = taken.expect("it was begun").wait_with_output();
    let output = output.expect("it ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let again = backup().wait_with_output().expect("it ends");
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("never overwrites"));
    assert!(daemon.process.stop().success());

    let conn = Connection::open(&copy).expect("the copy");
    let sound: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a check");
    assert_eq!(sound, "ok");
    let accepted: i64 = conn
        .query_row(
            "SELECT count(*) FROM enrollments WHERE accepted_at IS NOT NULL",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert!((201..=acknowledged).contains(&accepted), "{accepted}");
    drop(conn);
    for old in ["acceptd.db", "acceptd.db-wal", "acceptd.db-shm"] {
        let _ = std::fs::remove_file(daemon.process.dir.path().join(old));
    }
    std::fs::rename(&copy, daemon.process.dir.path().join("acceptd.db")).expect("the copy moves");
    daemon.restart();
    assert_eq!(daemon.get("/readyz").await, 200);
    assert_eq!(daemon.webhook(0).await, Some(200));
}

/// The writer hangs in the disk, and a request waits for it: the process ends all the same, and nothing that it acknowledged is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_disk_that_hangs() {
    let mut daemon = Faulty::start();
    daemon.enroll(2).await;
    assert_eq!(daemon.webhook(0).await, Some(200));
    daemon.begin("stall");
    let stop = async {
        // The webhook is in the writer's hands by then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        daemon.process.signal("TERM");
    };
    let stopped = Instant::now();
    let (answer, ()) = tokio::join!(daemon.webhook(1), stop);
    assert_ne!(answer, Some(200));
    let status = daemon.process.wait();
    assert_eq!(status.code(), Some(0), "{}", daemon.process.log());
    let took = stopped.elapsed() - Duration::from_millis(500);
    assert!(
        took < Duration::from_secs(12),
        "{took:?}\n{}",
        daemon.process.log()
    );
    daemon.end("stall");
    daemon.restart();
    assert_eq!(
        daemon
            .count("SELECT count(*) FROM enrollments WHERE accepted_at IS NOT NULL AND id = 'e0'"),
        1
    );
}

/// A signal that comes before the daemon is ready is kept: it stops in good order.
#[test]
fn an_early_sigterm_is_not_lost() {
    let mut process = Process::new(CONFIGURATION);
    process.spawn(&["--log", "text"], &[]);
    // The first line is logged after the handlers are in place.
    process.wait_for_log("WARN");
    let started = Instant::now();
    assert!(process.stop().success(), "{}", process.log());
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// The database has one daemon; a second one says so.
#[test]
fn a_second_daemon_says_that_there_is_one() {
    let mut first = Process::new(CONFIGURATION);
    first.start(&["--log", "text"], &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_acceptd"))
        .arg("--config")
        .arg(first.dir.path().join("acceptd.toml"))
        .args(["serve", "--log", "text"])
        .output()
        .expect("the binary runs");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another acceptd is running"));
    assert!(first.stop().success());
}
