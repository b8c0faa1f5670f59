//! What a start refuses, and with which exit status (contract sections 2 and 3).

use std::path::Path;
use std::process::{Command, Output};

use crate::process::Process;

/// Runs `acceptd serve` where it has to end by itself.
fn serve(config: &Path, settings: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_acceptd"))
        .arg("--config")
        .arg(config)
        .arg("serve")
        .env_remove("JOURNAL_STREAM")
        .env_remove("NOTIFY_SOCKET")
        .envs(settings.iter().copied())
        .output()
        .expect("the binary runs")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_second_daemon_says_that_there_is_one_whatever_the_database_is_called() {
    let mut first = Process::new("");
    first.start(&[], &[]);
    let again = serve(&first.config(), &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        err(&again).contains("another acceptd is running"),
        "{}",
        err(&again)
    );

    let link = first.dir.path().join("link.db");
    std::os::unix::fs::symlink(first.dir.path().join("acceptd.db"), &link).expect("a link");
    let by_link = first.dir.path().join("link.toml");
    let text = format!("server.listen = \"127.0.0.1:0\"\ndatabase.path = {link:?}\n");
    std::fs::write(&by_link, text).expect("writable");
    let linked = serve(&by_link, &[]);
    assert_eq!(linked.status.code(), Some(1));
    assert!(
        err(&linked).contains("another acceptd is running"),
        "{}",
        err(&linked)
    );
}

#[test]
fn what_is_no_database_is_named_once() {
    let process = Process::new("");
    std::fs::write(process.dir.path().join("acceptd.db"), [b'x'; 4096]).expect("writable");
    let refused = serve(&process.config(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = err(&refused);
    assert!(
        said.contains("the database can't be opened: file is not a database"),
        "{said}"
    );
    assert!(
        !said.contains("file is not a database: file is not a database"),
        "{said}"
    );
}
