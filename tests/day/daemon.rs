//! The daemon as a process of its own, whose clock the test moves: started, spoken to, killed by SIGKILL, started again.
//!
//! The process is this test binary, told to run [`the_daemon`] alone. It is built and run as `serve` does it; only its clock is
//! another. The clock is moved over a socket, eight bytes for each move, each answered by one byte once it is done.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::config;
use acceptd::daemon::Daemon;
use acceptd::daemon::signals::Signals;
use acceptd::daemon::telemetry::{self, LogFormat};
use acceptd::domain::time::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use tokio_util::sync::CancellationToken;

/// Where the process finds its clock and its configuration.
const CLOCK: &str = "ACCEPTD_DAY_CLOCK";
const CONFIG: &str = "ACCEPTD_DAY_CONFIG";
/// How long a start or a stop may really take.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "this is the process that the simulated day starts"]
fn the_daemon() {
    let (Ok(clock_at), Ok(config)) = (std::env::var(CLOCK), std::env::var(CONFIG)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let signals = Signals::install().expect("the handlers are installed");
        telemetry::init(LogFormat::Text).expect("a log");
        let mut mover = TcpStream::connect(clock_at).expect("somebody moves the clock");
        mover.set_nodelay(true).expect("a socket");
        let clock = Clock::by_hand(Timestamp(read(&mut mover).expect("a time")));
        let moved = clock.clone();
        std::thread::spawn(move || {
            while let Ok(ms) = read(&mut mover) {
                moved.advance(Duration::from_millis(ms.unsigned_abs()));
                mover.write_all(&[1]).expect("somebody moves the clock");
            }
            // The test is gone.
            std::process::exit(3);
        });
        let loaded = config::load(Path::new(&config)).expect("a configuration");
        let daemon = Daemon::build(loaded, clock, CancellationToken::new())
            .await
            .expect("a daemon");
        daemon.run(signals).await.expect("a run");
    });
}

fn read(wire: &mut TcpStream) -> std::io::Result<i64> {
    let mut bytes = [0; 8];
    wire.read_exact(&mut bytes)?;
    Ok(i64::from_be_bytes(bytes))
}

/// The process, from outside.
pub struct Process {
    config: PathBuf,
    log: PathBuf,
    clock: TcpListener,
    running: Option<(Child, TcpStream)>,
    runs: u32,
}

impl Process {
    /// With a configuration file; the logs go beside it.
    pub fn new(config: PathBuf) -> Self {
        Self {
            log: config.with_file_name("log-0"),
            config,
            clock: TcpListener::bind("127.0.0.1:0").expect("a port"),
            running: None,
            runs: 0,
        }
    }

    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Starts it at this time and waits until it is ready.
    pub fn start(&mut self, now: Timestamp) {
        self.runs += 1;
        self.log = self.config.with_file_name(format!("log-{}", self.runs));
        let log = std::fs::File::create(&self.log).expect("a log");
        let child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "daemon::the_daemon", "--ignored", "--nocapture"])
            .env(
                CLOCK,
                self.clock.local_addr().expect("an address").to_string(),
            )
            .env(CONFIG, &self.config)
            .env_remove("JOURNAL_STREAM")
            .env_remove("NOTIFY_SOCKET")
            .stdout(std::process::Stdio::null())
            .stderr(log)
            .spawn()
            .expect("this binary runs");
        let (mut wire, _) = self.clock.accept().expect("it asks for its clock");
        wire.set_nodelay(true).expect("a socket");
        wire.write_all(&now.0.to_be_bytes())
            .expect("it takes the time");
        self.running = Some((child, wire));
        let until = Instant::now() + PATIENCE;
        while !self.log().contains("ready") {
            assert!(Instant::now() < until, "it does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the running process has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Lets time go by for it.
    pub fn advance(&mut self, by: Duration) {
        let Some((_, wire)) = &mut self.running else {
            return;
        };
        let ms = i64::try_from(by.as_millis()).expect("a short time");
        let moved = wire
            .write_all(&ms.to_be_bytes())
            .and_then(|()| wire.read_exact(&mut [0]));
        if let Err(error) = moved {
            panic!("the daemon is gone: {error}\n{}", self.log());
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let (child, _) = self.running.as_ref().expect("it runs");
        kill_process(Pid::from_child(child), signal).expect("it is there");
    }

    /// Kills it by SIGKILL.
    pub fn kill(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            child.kill().expect("it is killed");
            child.wait().expect("it ends");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
