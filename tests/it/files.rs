//! Every file that the program writes is new, readable only by its owner, and follows no link. The process leaves no core dump.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::process::Process;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").mode() & 0o777
}

/// Runs a line of shell in which `$acceptd` is the program, with a liberal umask.
fn shell(process: &Process, line: &str) -> Output {
    Command::new("sh")
        .arg("-c")
        .arg(format!("umask 000; {line}"))
        .current_dir(process.dir.path())
        .env("acceptd", env!("CARGO_BIN_EXE_acceptd"))
        .env("ACCEPTD_CONFIG", process.config())
        .output()
        .expect("a shell")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A database that a daemon has made.
fn with_database() -> Process {
    let mut process = Process::new("");
    process.start(&[], &[]);
    assert!(process.stop().success());
    process
}

#[test]
fn a_backup_writes_through_no_planted_link() {
    let process = with_database();
    let victim = process.dir.path().join("victim");
    fs::write(&victim, "precious").expect("writable");
    // The shell becomes the program, so a name made of the process id is known before.
    let line = "for at in copy.db.$$.part copy.db-journal copy.db-wal copy.db.part; do ln -s victim $at; done; exec \"$acceptd\" backup copy.db";
    let done = shell(&process, line);
    assert!(done.status.success(), "{}", err(&done));
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "precious");
    let copy = process.dir.path().join("copy.db");
    assert!(copy.symlink_metadata().expect("a copy").is_file());
    assert_eq!(mode(&copy), 0o600);

    for (name, to) in [("dangling.db", "not-there"), ("linked.db", "victim")] {
        symlink(to, process.dir.path().join(name)).expect("a link");
        let refused = shell(&process, &format!("exec \"$acceptd\" backup {name}"));
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            err(&refused).contains("exists already"),
            "{}",
            err(&refused)
        );
    }
    assert!(!process.dir.path().join("not-there").exists());
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "precious");
}

#[test]
fn a_backup_keeps_no_planted_files_mode() {
    let process = with_database();
    let line = "touch copy.db.$$.part; chmod 666 copy.db.$$.part; exec \"$acceptd\" backup copy.db";
    let done = shell(&process, line);
    assert!(done.status.success(), "{}", err(&done));
    assert_eq!(mode(&process.dir.path().join("copy.db")), 0o600);
    let left = fs::read_dir(process.dir.path()).expect("a directory");
    let left: Vec<_> = left.map(|e| e.expect("an entry").file_name()).collect();
    let ours = |name: &&std::ffi::OsString| name.to_string_lossy().contains("backup");
    assert_eq!(left.iter().find(ours), None);
}

#[test]
fn a_directory_of_everybody_is_warned_of() {
    let process = with_database();
    let shared = process.dir.path().join("shared");
    fs::create_dir(&shared).expect("a directory");
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).expect("ours");
    let done = shell(&process, "exec \"$acceptd\" backup shared/copy.db");
    assert!(done.status.success(), "{}", err(&done));
    assert!(
        err(&done).contains("every user of this machine"),
        "{}",
        err(&done)
    );
    let quiet = shell(&process, "exec \"$acceptd\" backup copy.db");
    assert_eq!(err(&quiet), "");
}

#[test]
fn database_log_and_lock_are_for_their_owner_only() {
    let process = Process::new("");
    let dir = process.dir.path().to_owned();
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("umask 000; exec \"$0\" serve")
        .arg(env!("CARGO_BIN_EXE_acceptd"))
        .env("ACCEPTD_CONFIG", process.config())
        .stderr(File::create(dir.join("log")).expect("a log"));
    let mut child = shell.spawn().expect("a shell");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !fs::read_to_string(dir.join("log"))
        .unwrap_or_default()
        .contains("ready")
    {
        assert!(std::time::Instant::now() < until, "it does not start");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let modes =
        ["", "-wal", "-shm", ".lock"].map(|end| mode(&dir.join(format!("acceptd.db{end}"))));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("it runs");
    child.kill().expect("ours");
    child.wait().expect("an end");
    assert_eq!(modes, [0o600; 4]);
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{words:?}");
}

#[test]
fn a_lock_open_to_others_is_tightened_and_a_link_refused() {
    let mut process = with_database();
    let lock = process.dir.path().join("acceptd.db.lock");
    fs::set_permissions(&lock, Permissions::from_mode(0o644)).expect("ours");
    process.start(&[], &[]);
    assert_eq!(mode(&lock), 0o600);
    assert!(process.stop().success());
    fs::remove_file(&lock).expect("ours");
    let victim = process.dir.path().join("victim");
    fs::write(&victim, "precious").expect("writable");
    symlink(&victim, &lock).expect("a link");
    process.spawn(&[], &[]);
    assert_eq!(process.wait().code(), Some(1));
    assert!(
        process.log().contains("acceptd.db.lock"),
        "{}",
        process.log()
    );
    assert_ne!(mode(&victim), 0o600);
}
