//! The commands against a running daemon: explain, stamp, test, deliveries, replay, status.

use std::process::Stdio;

use acceptd::clock::Clock;
use acceptd::sim::receiver::{Receiver, Reply};
use serde_json::Value;

use crate::cli_support::{ID, IMPORT, Live, Said};

#[test]
fn a_stamp_by_hand_is_delivered_explained_and_replayed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let receiver = runtime
        .block_on(Receiver::start(Clock::system()))
        .expect("a receiver");
    receiver.answer("/gone", Reply::status(410, "no"));
    let live = Live::new(&format!(
        "[[destination]]\nname = \"the crm\"\nkind = \"webhook\"\nurl = \"{}\"\n\
         [[destination]]\nname = \"gone\"\nkind = \"webhook\"\nurl = \"{}\"\nevents = [\"webhook.test\"]\n",
        receiver.url("/crm"),
        receiver.url("/gone"),
    ));
    let row = format!("{{\"id\":\"{ID}\",\"linkedinUrl\":\"https://www.linkedin.com/in/ada\"}}\n");
    assert_eq!(live.run_with(IMPORT, &row).status, 0);
    let stamped = live.done(&[
        "stamp",
        ID,
        "--at",
        "2026-05-02T00:00:00Z",
        "--reason",
        "told by phone",
    ]);
    assert!(
        stamped.contains("accepted at 2026-05-02T00:00:00.000Z (exact)"),
        "{stamped}"
    );
    runtime.block_on(receiver.wait_for(1));

    let explained = live.done(&["explain", ID]);
    assert!(explained.contains("manual → stamped"), "{explained}");
    assert!(
        explained.contains("told by phone") && explained.contains("the crm"),
        "{explained}"
    );

    assert!(live.done(&["test", "the crm"]).contains("Delivered"));
    let gone = live.run(&["test", "gone"]);
    assert_eq!(gone.status, 1);
    assert!(
        gone.out.contains("Not delivered") && gone.out.contains("410"),
        "{}",
        gone.out
    );
    assert_eq!(live.run(&["test", "nowhere"]).status, 1);

    let list = ["deliveries", "--destination", "the crm", "--json"];
    let listed: Value = serde_json::from_str(&live.done(&list)).expect("JSON");
    let items = listed["items"].as_array().expect("a list");
    assert_eq!(items.len(), 2);
    let first = items[1]["id"].as_str().expect("an id");
    let replayed = live.run(&["replay", first, "999999"]);
    assert_eq!(replayed.status, 1);
    assert!(
        replayed
            .out
            .contains(&format!("{first} will be sent again")),
        "{}",
        replayed.out
    );
    assert!(replayed.err.contains("999999: "), "{}", replayed.err);
    runtime.block_on(receiver.wait_for(4));
    let bodies = receiver.received_at("/crm");
    assert_eq!(bodies.len(), 3);
    assert_eq!(
        bodies[0].header("webhook-id"),
        bodies[2].header("webhook-id")
    );
    assert!(live.done(&["replay", "--dead"]).starts_with("0 deliveries"));
    assert!(live.done(&["status"]).contains("the crm"));
}

#[test]
fn a_token_may_be_any_text() {
    for token in [
        "zwölf Boxkämpfer",
        "💥💥💥💥💥💥💥💥💥💥💥💥💥💥💥💥",
        "a:b,c;d a:b,c;d a:b,c;d",
    ] {
        Live::guarded_by(token, "").done(&["status"]);
    }
}

#[test]
fn a_wrong_token_is_named_and_shown_nowhere() {
    let live = Live::new("");
    let text = std::fs::read_to_string(&live.config).expect("the configuration");
    std::fs::write(&live.config, text.replace("hunter2-token", "hunter3-token")).expect("writable");
    let said = live.run(&["status"]);
    assert_eq!(said.status, 1);
    assert!(said.err.contains("server.admin_token"), "{}", said.err);
    assert!(!said.err.contains("hunter"), "{}", said.err);
    assert!(!live.process.log().contains("hunter"));
}

#[test]
fn of_concurrent_backups_to_one_name_only_one_is_made() {
    let live = Live::new("");
    let copy = live.process.dir.path().join("copy.db");
    let copy = copy.to_str().expect("UTF-8");
    let said: Vec<Said> = std::thread::scope(|all| {
        let threads: Vec<_> = (0..4)
            .map(|_| all.spawn(|| live.run(&["backup", copy])))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().expect("it ends"))
            .collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) = said.iter().partition(|s| s.status == 0);
    assert_eq!((made.len(), refused.len()), (1, 3));
    for said in refused {
        assert!(said.err.contains("exists already"), "{}", said.err);
    }
    let left = std::fs::read_dir(live.process.dir.path()).expect("a directory");
    let names = left.map(|e| e.expect("an entry").file_name());
    assert!(
        !names
            .into_iter()
            .any(|n| n.to_string_lossy().ends_with(".part"))
    );
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (_, writer) = std::io::pipe().expect("a pipe");
    writer.into()
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let live = Live::new("");
    let copy = live.process.dir.path().join("copy.db");
    let copy = copy.to_str().expect("UTF-8");
    for arguments in [&["status"][..], &["check"], &["backup", copy]] {
        let nobody = unread();
        let ended = live.ended(arguments, nobody, Stdio::null());
        assert!(ended.success(), "{arguments:?}: {ended}");
    }
    assert!(std::fs::metadata(copy).is_ok());
    // Warnings, errors and rows in error go to standard error.
    for (arguments, status) in [(&["check"][..], 0), (&["explain", "nobody"], 1)] {
        let nobody = unread();
        let ended = live.ended(arguments, Stdio::null(), nobody);
        assert_eq!(ended.code(), Some(status), "{arguments:?}: {ended}");
    }
}
