//! The commands against a running daemon: import, explain, stamp, test, deliveries, replay, status.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use acceptd::clock::Clock;
use acceptd::sim::receiver::{Receiver, Reply};
use serde_json::Value;

use crate::process::Process;

/// An id that is hard on URLs.
const ID: &str = "enr/1?x #ü";

struct Said {
    status: i32,
    out: String,
    err: String,
}

/// A daemon and a configuration that says where it listens.
struct Live {
    process: Process,
    config: PathBuf,
}

impl Live {
    fn new(destinations: &str) -> Self {
        Self::guarded_by("hunter2-token", destinations)
    }

    fn guarded_by(token: &str, destinations: &str) -> Self {
        let toml = format!("server.admin_token = \"{token}\"\n{destinations}");
        let mut process = Process::new(&toml);
        process.start(&[], &[]);
        let listen = process.url("");
        let listen = listen.trim_start_matches("http://");
        let config = process.dir.path().join("client.toml");
        let database = process.dir.path().join("acceptd.db");
        let text = format!("server.listen = \"{listen}\"\ndatabase.path = {database:?}\n{toml}");
        std::fs::write(&config, text).expect("writable");
        Self { process, config }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = Command::new(env!("CARGO_BIN_EXE_acceptd"))
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that reads nothing may be gone before this is written.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        Said {
            status: output.status.code().expect("it exits by itself"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn ended(&self, arguments: &[&str], out: Stdio, err: Stdio) -> std::process::ExitStatus {
        Command::new(env!("CARGO_BIN_EXE_acceptd"))
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .stdout(out)
            .stderr(err)
            .status()
            .expect("the binary runs")
    }

    fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.status, 0, "{arguments:?}: {}", said.err);
        said.out
    }
}

const IMPORT: &[&str] = &["import", "-", "--account", "acc_1", "--campaign", "c/1"];

#[test]
fn an_import_says_every_bad_row_and_stores_the_others() {
    let live = Live::new("");
    let csv = format!(
        "\u{feff}ID;First Name;LinkedIn URL;Invited At;Note\r\n{ID};Ada;https://www.linkedin.com/in/ada;;\"two\nlines\"\r\n\
         enr_2;Bob;https://www.linkedin.com/in/bob;yesterday;\r\n;Cy;;;\r\nenr_4;Dee;;;\r\n"
    );
    let said = live.run_with(IMPORT, &csv);
    assert_eq!(said.status, 1, "{}", said.err);
    assert!(
        said.out
            .starts_with("2 created, 0 updated, 0 unchanged, 2 failed."),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("1 have no usable identity"),
        "{}",
        said.out
    );
    assert!(said.err.contains("<stdin>:4: invitedAt: "), "{}", said.err);
    assert!(!said.err.contains("invitedAt: invitedAt"), "{}", said.err);
    assert!(
        said.err.contains("<stdin>:5: id: the row has no id"),
        "{}",
        said.err
    );

    let again = live.run_with(&[IMPORT, &["--json"]].concat(), &csv);
    let summary: Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(
        (&summary["unchanged"], &summary["failed"]),
        (&2.into(), &2.into())
    );
    assert_eq!(summary["errors"][0]["line"], 5);

    let explained = live.done(&["explain", ID]);
    assert!(
        explained.contains("is Ada (https://www.linkedin.com/in/ada) in campaign c/1"),
        "{explained}"
    );
    assert!(explained.contains("Not accepted yet"), "{explained}");
}

#[test]
fn a_first_line_in_error_loses_no_other_line() {
    let live = Live::new("");
    let file = live.process.dir.path().join("rows.ndjson");
    let text = b"oops\n{\"id\": \"n1\"}\n{\"id\": \"\xff\"}\n";
    std::fs::write(&file, text).expect("writable");
    let file = file.to_str().expect("UTF-8");
    let said = live.run(&["import", file, "--account", "acc_1"]);
    assert_eq!(said.status, 1);
    assert!(
        said.out.starts_with("1 created"),
        "{} {}",
        said.out,
        said.err
    );
    assert!(
        said.err.contains("rows.ndjson:1: is not JSON"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("rows.ndjson:3: is not UTF-8"),
        "{}",
        said.err
    );
}

#[test]
fn more_rows_than_one_request_takes_are_sent_in_several() {
    let live = Live::new("server.max_body = 20000");
    let rows: String = (0..1200)
        .map(|n| {
            format!("{{\"id\":\"e{n}\",\"linkedinUrl\":\"https://www.linkedin.com/in/p-{n}\"}}\n")
        })
        .collect();
    let said = live.run_with(IMPORT, &rows);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.out.starts_with("1200 created"), "{}", said.out);
    let status: Value = serde_json::from_str(&live.done(&["status", "--json"])).expect("JSON");
    assert_eq!(status["campaigns"][0]["enrolled"], 1200);
}

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
        replayed.out.contains(&format!("{first} is sent again")),
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
    for token in ["zwölf Boxkämpfer", "💥", "a:b,c;d"] {
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
fn of_backups_to_one_name_at_the_same_time_one_is_made_and_the_others_are_refused() {
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
