//! Commands of the built program against a running daemon of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::Process;

/// An id that is hard on URLs.
pub const ID: &str = "enr/1?x #ü";

pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

/// A daemon and a configuration that says where it listens.
pub struct Live {
    pub process: Process,
    pub config: PathBuf,
}

impl Live {
    pub fn new(destinations: &str) -> Self {
        Self::guarded_by("hunter2-token-of-a-test", destinations)
    }

    pub fn guarded_by(token: &str, destinations: &str) -> Self {
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

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &[&str], input: &str) -> Said {
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

    pub fn ended(&self, arguments: &[&str], out: Stdio, err: Stdio) -> std::process::ExitStatus {
        Command::new(env!("CARGO_BIN_EXE_acceptd"))
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .stdout(out)
            .stderr(err)
            .status()
            .expect("the binary runs")
    }

    pub fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.status, 0, "{arguments:?}: {}", said.err);
        said.out
    }
}

/// An import from standard input.
pub const IMPORT: &[&str] = &["import", "-", "--account", "acc_1", "--campaign", "c/1"];
