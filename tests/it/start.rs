//! Which configurations a start refuses and with which exit status, and what it reports to systemd.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::Signal;

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
fn a_second_daemon_is_refused_by_any_name_of_the_database() {
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
fn a_database_that_a_link_leads_to_is_made_and_locked_itself() {
    let mut first = Process::new("");
    let file = first.dir.path().join("elsewhere.db");
    std::os::unix::fs::symlink(&file, first.dir.path().join("acceptd.db")).expect("a link");
    first.start(&[], &[]);
    let mode = std::fs::metadata(&file)
        .expect("the database")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let without_link = first.dir.path().join("elsewhere.toml");
    let text = format!("server.listen = \"127.0.0.1:0\"\ndatabase.path = {file:?}\n");
    std::fs::write(&without_link, text).expect("writable");
    let again = serve(&without_link, &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        err(&again).contains("another acceptd is running"),
        "{}",
        err(&again)
    );
}

#[test]
fn a_new_database_is_for_its_owner_only() {
    let mut process = Process::new("");
    process.start(&[], &[]);
    for name in ["acceptd.db", "acceptd.db-wal"] {
        let file = process.dir.path().join(name);
        let mode = std::fs::metadata(file).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn what_is_no_database_is_named_once() {
    let process = Process::new("").breaks_invariants_on_purpose();
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

#[test]
fn a_log_filter_that_can_t_be_read_is_said_and_is_2() {
    let process = Process::new("");
    let refused = serve(&process.config(), &[("ACCEPTD_LOG", "acceptd=loud")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        err(&refused).contains("ACCEPTD_LOG is not a log filter"),
        "{}",
        err(&refused)
    );
}

/// A socket from systemd on every address, as standard input first.
fn activated(config: &Path) -> Output {
    let socket = std::net::TcpListener::bind("0.0.0.0:0").expect("a socket");
    Command::new("sh")
        .arg("-c")
        .arg("exec 3<&0; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"")
        .arg(env!("CARGO_BIN_EXE_acceptd"))
        .arg("--config")
        .arg(config)
        .arg("serve")
        .env_remove("JOURNAL_STREAM")
        .env_remove("NOTIFY_SOCKET")
        .stdin(std::os::fd::OwnedFd::from(socket))
        .output()
        .expect("the binary runs")
}

#[test]
fn sockets_from_systemd_beyond_loopback_need_a_token_too() {
    let process = Process::new("");
    let refused = activated(&process.config());
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
    assert!(
        err(&refused).contains("server.admin_token is empty"),
        "{}",
        err(&refused)
    );
}

#[test]
fn a_reload_never_opens_the_api_of_a_daemon_beyond_loopback() {
    let mut process = Process::new("");
    let (file, database) = (process.config(), process.dir.path().join("acceptd.db"));
    let write = |server: &str| {
        let text = format!("{server}\ndatabase.path = {database:?}\n");
        std::fs::write(&file, text).expect("writable");
    };
    write("server = { listen = \"0.0.0.0:0\", admin_token = \"the-token-of-a-test\" }");
    process.start(&[], &[]);
    // The file is valid in itself, but the daemon stays where it is.
    write("server = { listen = \"127.0.0.1:0\" }");
    process.signal("HUP");
    process.wait_for_log("was not reloaded, the running one stays: server.admin_token is empty");
    assert!(process.stop().success());
}

#[test]
fn an_abstract_socket_of_systemd_is_told_too() {
    let name = format!("acceptd-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let systemd = UnixDatagram::bind_addr(&address).expect("a socket");
    systemd
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a timeout");
    let mut process = Process::new("");
    let notify = format!("@{name}");
    process.spawn(&[], &[("NOTIFY_SOCKET", Path::new(&notify))]);
    let mut said = [0; 4096];
    let length = systemd.recv(&mut said).expect("it is told");
    let said = String::from_utf8_lossy(&said[..length]);
    assert!(said.starts_with("READY=1\nSTATUS="), "{said}");
}

/// A signal that comes before the handlers exist ends the process by itself, which systemd counts as clean.
#[test]
fn a_stop_in_the_first_moments_is_clean() {
    for delay_ms in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55] {
        let mut process = Process::new("");
        process.spawn(&[], &[]);
        std::thread::sleep(Duration::from_millis(delay_ms));
        let stop = Instant::now();
        let status = process.stop();
        let by_signal = status.signal() == Some(Signal::TERM.as_raw());
        assert!(
            status.success() || by_signal,
            "after {delay_ms} ms: {status}\n{}",
            process.log()
        );
        assert!(
            stop.elapsed() < Duration::from_secs(12),
            "{:?}",
            stop.elapsed()
        );
    }
}

/// As on a network file system whose server is gone.
#[test]
fn a_stop_does_not_wait_for_a_configuration_that_can_t_be_read() {
    let mut process = Process::new("");
    std::fs::remove_file(process.config()).expect("the file");
    let made = Command::new("mkfifo").arg(process.config()).status();
    assert!(made.expect("mkfifo runs").success());
    process.spawn(&[], &[]);
    std::thread::sleep(Duration::from_millis(500));
    let stop = Instant::now();
    assert_eq!(process.stop().code(), Some(0), "{}", process.log());
    assert!(
        stop.elapsed() < Duration::from_secs(12),
        "{:?}",
        stop.elapsed()
    );
}
