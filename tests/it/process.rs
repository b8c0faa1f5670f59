//! The built binary as a process: start, requests, signals, and its log.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::invariants_support::{self, Known, destinations_that_want_all};

/// How long a test waits for what should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory with a configuration and a database, and the daemon that runs on them, if one does.
pub struct Process {
    pub dir: TempDir,
    child: Option<Child>,
    runs: u32,
    invariants: Option<Known>,
    reconfigured: AtomicBool,
    cuts_off: bool,
}

impl Process {
    /// With `toml` as its configuration; the address and the database are added.
    pub fn new(toml: &str) -> Self {
        let process = Self {
            dir: tempfile::tempdir().expect("a directory"),
            child: None,
            runs: 0,
            invariants: Some(Known {
                stopped_cleanly: false,
                destinations: destinations_that_want_all(toml),
            }),
            reconfigured: AtomicBool::new(false),
            cuts_off: false,
        };
        process.write_configuration(toml);
        process
    }

    /// Leaves out the check of the database at the end, for a test that breaks an invariant on purpose.
    pub fn breaks_invariants_on_purpose(mut self) -> Self {
        self.invariants = None;
        self
    }

    /// Another configuration; it counts from the next start or reload.
    pub fn configure(&self, toml: &str) {
        // Its destinations may be others, or want other events.
        self.reconfigured.store(true, Ordering::Relaxed);
        self.write_configuration(toml);
    }

    fn write_configuration(&self, toml: &str) {
        let database = self.dir.path().join("acceptd.db");
        let text = format!(
            "server.listen = \"127.0.0.1:0\"\ndatabase.path = \"{}\"\n{toml}",
            database.display()
        );
        fs::write(self.config(), text).expect("a writable directory");
    }

    /// Where its configuration is.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("acceptd.toml")
    }

    fn log_path(&self, run: u32) -> PathBuf {
        self.dir.path().join(format!("log-{run}"))
    }

    /// Starts it and waits until it is ready.
    pub fn start(&mut self, arguments: &[&str], settings: &[(&str, &Path)]) {
        self.spawn(arguments, settings);
        self.wait_for_log("ready");
    }

    /// Starts it with a soft limit of so many open files, as a service manager would, and waits until it is ready.
    pub fn start_with_open_files(&mut self, soft: u32) {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("ulimit -Sn {soft} && exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_acceptd"));
        self.spawn_as(shell, &[], &[]);
        self.wait_for_log("ready");
    }

    /// Starts it like a service manager that set a limit of so many open files, which it can't raise.
    pub fn start_with_open_files_max(&mut self, hard: u32) {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("ulimit -n {hard} && exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_acceptd"));
        self.spawn_as(shell, &[], &[]);
        self.wait_for_log("ready");
    }

    /// Starts it with two sockets as systemd hands them over, and waits until it is ready. `names` are their
    /// `FileDescriptorName=`, with a colon between.
    pub fn start_with_sockets(&mut self, sockets: [TcpListener; 2], names: &str) {
        let [first, second] = sockets.map(OwnedFd::from);
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!(
                "exec 3<&0 4<&1 </dev/null >/dev/null; \
                 LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES={names} exec \"$0\" \"$@\""
            ))
            .arg(env!("CARGO_BIN_EXE_acceptd"))
            .stdin(first)
            .stdout(second);
        self.spawn_as(shell, &[], &[]);
        self.wait_for_log("ready");
    }

    /// Starts it.
    pub fn spawn(&mut self, arguments: &[&str], settings: &[(&str, &Path)]) {
        let program = Command::new(env!("CARGO_BIN_EXE_acceptd"));
        self.spawn_as(program, arguments, settings);
    }

    fn spawn_as(&mut self, mut program: Command, arguments: &[&str], settings: &[(&str, &Path)]) {
        self.runs += 1;
        let log = fs::File::create(self.log_path(self.runs)).expect("a log");
        let child = program
            .arg("--config")
            .arg(self.config())
            .arg("serve")
            .args(arguments)
            .env_remove("JOURNAL_STREAM")
            .env_remove("NOTIFY_SOCKET")
            .envs(settings.iter().copied())
            .stderr(log)
            .spawn()
            .expect("the binary runs");
        self.child = Some(child);
        self.ended_cleanly(false);
    }

    /// Allows a stop to leave a delivery `sending`, for a test whose receiver does not answer within the drain. Such a delivery is in
    /// doubt at the next start.
    pub fn cuts_off_a_delivery(&mut self) {
        self.cuts_off = true;
    }

    fn ended_cleanly(&mut self, cleanly: bool) {
        if let Some(known) = &mut self.invariants {
            known.stopped_cleanly = cleanly && !self.cuts_off;
        }
    }

    /// Everything that the last run logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path(self.runs)).unwrap_or_default()
    }

    /// Everything that all runs logged.
    pub fn logs(&self) -> String {
        (1..=self.runs)
            .map(|run| fs::read_to_string(self.log_path(run)).unwrap_or_default())
            .collect()
    }

    /// Waits until the last run has logged `text`.
    pub fn wait_for_log(&self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < until, "{text:?} is not in {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A url of the running daemon.
    pub fn url(&self, path: &str) -> String {
        let log = self.log();
        let port: String = log
            .split("127.0.0.1:")
            .nth(1)
            .expect("it says where it listens")
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        format!("http://127.0.0.1:{port}{path}")
    }

    /// The address where the running daemon serves `"webhooks"` or the `"api"`, if it has an address for each.
    pub fn address(&self, serves: &str) -> String {
        let log = self.log();
        let line = log
            .lines()
            .filter(|line| line.contains("listening"))
            .find(|line| line.contains(&format!("serves=\"{serves}\"")));
        let line = line.unwrap_or_else(|| panic!("nothing serves {serves}: {log}"));
        let address = line.split("address=").nth(1).expect("an address");
        address.split(' ').next().expect("an address").to_owned()
    }

    /// The process id of the running daemon.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Sends a signal: `TERM`, `HUP`, `KILL`, ….
    pub fn signal(&self, signal: &str) {
        let signal = match signal {
            "TERM" => Signal::TERM,
            "HUP" => Signal::HUP,
            "USR1" => Signal::USR1,
            "KILL" => Signal::KILL,
            other => panic!("{other} is no signal that a test sends"),
        };
        let child = self.child.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("it is there");
    }

    /// The most memory that it had at any time.
    pub fn peak_memory_bytes(&self) -> usize {
        let id = self.child.as_ref().expect("it runs").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("it is there");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|text| text.split_whitespace().next()?.parse::<usize>().ok());
        kib.expect("a number of KiB") * 1024
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it was started");
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                return status;
            }
            if Instant::now() > until {
                let _ = child.kill();
                panic!("it does not end: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops it by SIGTERM.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        let status = self.wait();
        self.ended_cleanly(status.success());
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(known) = &mut self.invariants {
            if self.reconfigured.load(Ordering::Relaxed) {
                known.destinations.clear();
            }
            invariants_support::check(&self.dir.path().join("acceptd.db"), known);
        }
    }
}
