//! `acceptd demo --once`: the built binary plays every source and path, and everything ends as it should.

use std::time::{Duration, Instant};

use assert_cmd::Command;

/// "Well under a minute", on a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(45);

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
