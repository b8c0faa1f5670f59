//! The daemon as a process of its own, with a database in a temporary directory.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use acceptd::sim::ids;
use anyhow::{Context as _, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::client::{Connection, Requests, post};

const TOKEN: &str = "the-admin-token-of-a-benchmark";
const SECRET: &str = "the-secret-of-a-provider";
/// The secret that deliveries are signed with.
pub const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Rows of one upsert.
pub const UPSERT_ROWS: u64 = 1_000;
/// Members have numbers of this length, as real ones.
const FIRST_MEMBER: u64 = 700_000_000;

/// The daemon to measure, if it is not the one that was built with the benchmark.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Chooses the daemon to measure, before the first is started.
pub fn set_program(program: PathBuf) {
    let _ = PROGRAM.set(program);
}

/// The running daemon. It is killed when it is dropped.
pub struct Daemon {
    dir: TempDir,
    child: Child,
    /// Where it listens.
    pub addr: SocketAddr,
    /// From the start of the process until it listened.
    pub started_in: Duration,
}

/// The part of the configuration that makes a destination as fast as its concurrency allows.
pub fn destination(name: &str, url: &str, concurrency: usize) -> String {
    format!(
        "[[destination]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\nsecrets = [\"{SIGNING}\"]\n\
         rate = \"100000/s\"\nconcurrency = {concurrency}\ntimeout = \"60s\"\n"
    )
}

impl Daemon {
    /// Starts one with an empty database.
    pub fn start(destinations: &str) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nadmin_token = \"{TOKEN}\"\nmax_body = 2097152\n[database]\npath = \"{}\"\n\
             [unipile]\nwebhook_secret = \"{SECRET}\"\n{destinations}",
            dir.path().join("acceptd.db").display()
        );
        fs::write(dir.path().join("acceptd.toml"), config)?;
        let (child, addr, started_in) = spawn(&dir)?;
        Ok(Self {
            dir,
            child,
            addr,
            started_in,
        })
    }

    /// Stops it by SIGTERM and starts it again on the same database.
    pub fn restart(self) -> anyhow::Result<Self> {
        let (dir, child) = self.stop()?;
        drop(child);
        let (child, addr, started_in) = spawn(&dir)?;
        Ok(Self {
            dir,
            child,
            addr,
            started_in,
        })
    }

    fn stop(mut self) -> anyhow::Result<(TempDir, Option<Child>)> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        // The drop must not remove the database.
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir()?);
        Ok((dir, None))
    }

    /// Where the database is.
    pub fn database(&self) -> PathBuf {
        self.dir.path().join("acceptd.db")
    }

    /// Enrolls the people with these numbers through the API. Returns the latency of each upsert.
    pub async fn enroll(&self, numbers: std::ops::Range<u64>) -> anyhow::Result<Vec<Duration>> {
        let mut connection = Connection::open(self.addr).await?;
        let headers = format!("Authorization: Bearer {TOKEN}\r\n");
        let mut took = Vec::new();
        for first in numbers.clone().step_by(UPSERT_ROWS as usize) {
            let rows: Vec<_> = (first..numbers.end.min(first + UPSERT_ROWS))
                .map(|n| {
                    json!({
                        "id": format!("enr_{n}"), "accountId": account(n), "campaignId": format!("camp_{}", n % 50),
                        "name": format!("Person {n}"), "headline": "Managing Director at an invented company",
                        "company": "Invented GmbH", "providerId": ids::profile_id(FIRST_MEMBER + n),
                        "linkedinUrl": format!("https://www.linkedin.com/in/person-{n}"),
                    })
                })
                .collect();
            let request = post("/v1/enrollments", &headers, &serde_json::to_string(&rows)?);
            let began = Instant::now();
            connection.ask(&request).await?;
            took.push(began.elapsed());
        }
        Ok(took)
    }

    /// CPU time of the process so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<_> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split(' ')
            .collect();
        let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
        let ticks = ticks(12).zip(ticks(13)).context("a line of /proc")?;
        // Linux counts hundredths of a second here, whatever the machine.
        Ok(Duration::from_millis(10 * (ticks.0 + ticks.1)))
    }

    /// Resident memory of the process, in bytes.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.context("a line of /proc")? * 1024)
    }

    /// Sizes of the database and of its write-ahead log, in bytes.
    pub fn sizes(&self) -> anyhow::Result<(u64, u64)> {
        let log = self.dir.path().join("acceptd.db-wal");
        Ok((
            fs::metadata(self.database())?.len(),
            fs::metadata(log).map_or(0, |file| file.len()),
        ))
    }

    /// The generation of the write-ahead log, and its bytes in this generation.
    pub fn log(&self) -> anyhow::Result<([u8; 8], u64)> {
        const HEADER: usize = 32;
        const FRAME_HEADER: usize = 24;
        let bytes = fs::read(self.dir.path().join("acceptd.db-wal"))?;
        let header = bytes.get(..HEADER).context("an empty write-ahead log")?;
        let page = u32::from_be_bytes(header[8..12].try_into()?) as usize;
        let salt: [u8; 8] = header[16..24].try_into()?;
        let frames = bytes[HEADER..]
            .chunks(FRAME_HEADER + page)
            .take_while(|frame| frame.get(8..16) == Some(&salt[..]))
            .count();
        Ok((salt, (frames * (FRAME_HEADER + page)) as u64))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &TempDir) -> anyhow::Result<(Child, SocketAddr, Duration)> {
    let log = dir.path().join("log");
    let began = Instant::now();
    let built = PathBuf::from(env!("CARGO_BIN_EXE_acceptd"));
    let child = Command::new(PROGRAM.get().unwrap_or(&built))
        .arg("--config")
        .arg(dir.path().join("acceptd.toml"))
        .arg("serve")
        .env_remove("JOURNAL_STREAM")
        .env_remove("NOTIFY_SOCKET")
        .stderr(fs::File::create(&log)?)
        .spawn()?;
    loop {
        let text = fs::read_to_string(&log)?;
        if text.contains("ready")
            && let Some(port) = text.split("127.0.0.1:").nth(1)
        {
            let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
            let addr = format!("127.0.0.1:{digits}").parse()?;
            return Ok((child, addr, began.elapsed()));
        }
        if began.elapsed() > Duration::from_secs(600) {
            bail!("the daemon does not start: {text}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn account(n: u64) -> String {
    format!("acc_{}", n % 100)
}

/// Unipile's webhook about a new relation with the person of this number.
pub fn accepts() -> Requests {
    Arc::new(|n| {
        let mut body = String::with_capacity(512);
        let _ = write!(
            body,
            r#"{{"event":"new_relation","account_id":"{}","account_type":"LINKEDIN","webhook_name":"acceptd","user_full_name":"Person {n}","user_provider_id":"{}","user_public_identifier":"person-{n}","user_profile_url":"https://www.linkedin.com/in/person-{n}/","user_picture_url":null}}"#,
            account(n),
            ids::profile_id(FIRST_MEMBER + n)
        );
        post(
            "/webhooks/unipile",
            &format!("Unipile-Auth: {SECRET}\r\n"),
            &body,
        )
    })
}
