//! `acceptd demo --once`: the built binary drives every source and path, and every enrollment ends as it should.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use assert_cmd::Command;

/// "Well under a minute", on a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(45);
/// Has to be found by the poller, near the end of the demo.
const EARLY: &str = "poll";

#[test]
fn every_source_is_stamped_and_told_once() {
    let began = Instant::now();
    let run = Command::new(env!("CARGO_BIN_EXE_acceptd"))
        .args(["demo", "--once"])
        .timeout(LONGEST * 2)
        .output()
        .expect("the binary runs");
    let took = began.elapsed();
    let table = String::from_utf8(run.stdout).expect("text");
    let told = String::from_utf8(run.stderr).expect("text");
    assert!(run.status.success(), "{table}\n{told}");
    assert!(took < LONGEST, "it took {took:?}");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.contains('┆'))
        .map(|line| line.trim_matches('│').split('┆').map(str::trim).collect())
        .collect();
    for source in [
        "webhook",
        "poll",
        "already_connected",
        "reply",
        "note_echo",
        "sendpilot",
        "resync",
        "manual",
    ] {
        assert!(
            rows.iter().any(|row| row[1] == source),
            "no row of {source}\n{table}"
        );
    }
    for path in ["bridge", "direct", "sales_nav", "profile"] {
        assert!(
            rows.iter().any(|row| row[2] == path),
            "no row of {path}\n{table}"
        );
    }
    // Not a terminal: plain lines, nothing that moves a cursor.
    assert!(!told.contains('\u{1b}'), "{told}");
    assert!(told.contains("note-echo: stamped after"), "{told}");
}

#[test]
fn it_listens_on_loopback_only() {
    let run = Command::new(env!("CARGO_BIN_EXE_acceptd"))
        .args(["demo", "--once", "--listen", "0.0.0.0:0"])
        .output()
        .expect("the binary runs");
    assert_eq!(run.status.code(), Some(2));
}

/// Follows the printed link, as a browser does, and answers with the cookie. The link works once.
async fn logged_in(link: &str) -> String {
    let client = acceptd::http::client(LONGEST).expect("a client");
    let first = client.get(link).send().await.expect("an answer");
    assert_eq!(first.status(), 303);
    assert_eq!(first.headers()["location"], "/");
    let cookie = first.headers()["set-cookie"].to_str().expect("text");
    let again = client.get(link).send().await.expect("an answer");
    assert_eq!(again.status(), 401);
    assert!(again.headers().get("set-cookie").is_none());
    cookie.split(';').next().expect("a pair").to_owned()
}

#[test]
fn what_is_not_as_it_should_be_is_said_and_fails() {
    acceptd::http::tls_ready();
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_acceptd"))
        .args(["demo", "--once"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut told = BufReader::new(demo.stderr.take().expect("piped")).lines();
    let site = told
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("The dashboard is at ").map(str::to_owned))
        .expect("it says where it listens");
    let reading = std::thread::spawn(move || told.map_while(Result::ok).collect::<Vec<_>>());
    // A person is faster than the scene in which this one accepts.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let until = Instant::now() + LONGEST;
    let stamped = runtime.block_on(async {
        let cookie = logged_in(&site).await;
        let (origin, _) = site.split_once("/login/").expect("a link that logs in");
        let url = format!("{origin}/v1/enrollments/{EARLY}/stamp");
        loop {
            let asked = reqwest::Client::new()
                .post(&url)
                .header("cookie", &cookie)
                .header("x-acceptd", "dashboard")
                .body(r#"{"reason": "faster than the scene"}"#)
                .send()
                .await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                return true;
            }
            if Instant::now() > until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let run = demo.wait_with_output().expect("it ends");
    let table = String::from_utf8(run.stdout).expect("text");
    let told = reading.join().expect("it reads");
    assert!(stamped, "{table}\n{told:?}");
    assert_eq!(run.status.code(), Some(1), "{table}");
    assert!(
        table.contains(&format!("NOT AS IT SHOULD BE: {EARLY}: source is manual")),
        "{table}"
    );
}
