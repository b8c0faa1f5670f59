//! `acceptd check` and the exit statuses, with the real binary.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

struct Said {
    status: i32,
    out: String,
    err: String,
}

fn acceptd(arguments: &[&str], settings: &[(&str, &str)]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_acceptd"))
        .args(arguments)
        .env_remove("ACCEPTD_CONFIG")
        .env_remove("CREDENTIALS_DIRECTORY")
        .envs(settings.iter().copied())
        .output()
        .expect("the binary runs");
    Said {
        status: output.status.code().expect("it exits by itself"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn file(dir: &Path, text: &str) -> String {
    let path = dir.join("acceptd.toml");
    std::fs::write(&path, text).expect("a writable directory");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn the_documented_file_is_valid() {
    let said = acceptd(&["check"], &[]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.out.contains("listen = \"127.0.0.1:8085\""));
    assert!(said.err.contains("webhook-only"), "{}", said.err);
}

#[test]
fn an_empty_variable_names_no_file() {
    let said = acceptd(&["check"], &[("ACCEPTD_CONFIG", "")]);
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(
        said.out.starts_with("# config/acceptd.toml is valid"),
        "{}",
        said.out
    );
}

#[test]
fn every_error_has_its_file_and_line_and_the_status_is_2() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = file(
        dir.path(),
        "[serverr]\n\n[poll]\nspaceing = \"60s\"\n[server]\nadmin_token = { env = \"ACCEPTD_NOT_SET\" }\n",
    );
    let said = acceptd(&["check", "--config", &path], &[]);
    assert_eq!(said.status, 2);
    for expected in [
        format!("{path}:1:2: serverr: unknown key; did you mean `server`?"),
        format!("{path}:4:1: poll.spaceing: unknown key; did you mean `spacing`?"),
        format!("{path}:6:15: server.admin_token: the environment variable ACCEPTD_NOT_SET"),
    ] {
        assert!(said.err.contains(&expected), "{expected}\n{}", said.err);
    }
}

#[test]
fn secrets_come_from_anywhere_and_show_nowhere() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("token"), "hunter2-file-of-a-test\n").expect("writable");
    std::fs::write(
        dir.path().join("slack-url"),
        "https://hooks.example/hunter2\n",
    )
    .expect("writable");
    let token = dir.path().join("token");
    let path = file(
        dir.path(),
        &format!(
            "[server]\nadmin_token = {{ file = {token:?} }}\n[unipile]\nwebhook_secret = {{ env = \"ACCEPTD_TEST_SECRET\" }}\n\
             signing_secret = \"hunter2-plain\"\n[[destination]]\nname = \"s\"\nkind = \"slack\"\nurl = {{ credential = \"slack-url\" }}\n"
        ),
    );
    let credentials = dir.path().to_str().expect("UTF-8");
    let settings = [
        ("ACCEPTD_TEST_SECRET", "hunter2-env"),
        ("CREDENTIALS_DIRECTORY", credentials),
        ("ACCEPTD_CONFIG", &path),
    ];
    let said = acceptd(&["check"], &settings);
    assert_eq!(said.status, 0, "{}", said.err);
    assert_eq!(said.out.matches("«redacted»").count(), 4, "{}", said.out);
    assert!(!said.out.contains("hunter2") && !said.err.contains("hunter2"));
}

#[test]
fn a_missing_file_and_wrong_usage_are_2() {
    let said = acceptd(&["--config", "/nowhere/acceptd.toml", "check"], &[]);
    assert_eq!(said.status, 2);
    assert!(said.err.contains("/nowhere/acceptd.toml") && said.err.contains("--config"));
    assert_eq!(acceptd(&["chekc"], &[]).status, 2);
    assert_eq!(acceptd(&["replay"], &[]).status, 2);
    assert_eq!(acceptd(&["stamp", "enr_1"], &[]).status, 2);
    let stamp = ["stamp", "enr_1", "--reason", "why", "--at", "yesterday"];
    assert_eq!(acceptd(&stamp, &[]).status, 2);
    assert_eq!(acceptd(&["--help"], &[]).status, 0);
}

#[test]
fn a_command_without_its_daemon_says_so_and_fails() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    drop(socket);
    let dir = tempfile::tempdir().expect("a directory");
    let path = file(dir.path(), &format!("[server]\nlisten = \"{address}\"\n"));
    let said = acceptd(&["--config", &path, "status"], &[]);
    assert_eq!(said.status, 1);
    assert!(
        said.err
            .contains(&format!("not running at http://{address}")),
        "{}",
        said.err
    );
}

#[test]
fn the_man_page_and_completions() {
    assert!(
        acceptd(&["generate", "man"], &[])
            .out
            .contains(".SH \"COMMAND IMPORT\"")
    );
    assert!(
        acceptd(&["generate", "completions", "bash"], &[])
            .out
            .contains("acceptd")
    );
}

/// The configuration that the README and the guide show is valid.
#[test]
fn the_configuration_of_the_readme_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shown: String = ["README.md", "docs/guide.md"]
        .iter()
        .map(|name| std::fs::read_to_string(root.join(name)).expect("text"))
        .collect();
    let written: String = shown
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let dir = tempfile::tempdir().expect("a directory");
    // As the README says: closed to everybody else.
    let closed = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(dir.path(), closed).expect("its owner");
    for (name, secret) in [
        ("admin-token", "the-token-of-a-test"),
        ("n8n-token", "the-token-of-a-program"),
        ("unipile-api-key", "key"),
        ("unipile-webhook", "the-secret-of-a-webhook"),
        ("slack-url", "https://hooks.slack.com/services/T/B/x"),
        ("n8n-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("sendpilot", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ] {
        std::fs::write(dir.path().join(name), secret).expect("a writable directory");
    }
    let path = file(dir.path(), &written);
    let credentials = dir.path().to_str().expect("UTF-8");
    let said = acceptd(
        &["--config", &path, "check"],
        &[("CREDENTIALS_DIRECTORY", credentials)],
    );
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.err.is_empty(), "{}", said.err);
    assert!(said.out.contains("name = \"n8n\""), "{}", said.out);
}

#[test]
fn a_tick_shorter_than_the_spacing_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let quiet = file(dir.path(), "[poll]\nevery = \"90s\"\nspacing = \"90s\"\n");
    let said = acceptd(&["--config", &quiet, "check"], &[]);
    assert!(!said.err.contains("once per spacing"), "{}", said.err);
    let text = "[poll]\nevery = \"1m\"\nspacing = \"2m\"\n[[account]]\nid = \"quick\"\nspacing = \"45s\"\n\
                [[account]]\nid = \"slow\"\nspacing = \"3m\"\n";
    let said = acceptd(&["--config", &file(dir.path(), text), "check"], &[]);
    assert_eq!(said.status, 0, "{}", said.err);
    let told: Vec<&str> = said
        .err
        .lines()
        .filter(|line| line.contains("once per spacing"))
        .collect();
    assert_eq!(told.len(), 2, "{}", said.err);
    assert!(
        told[0].contains("line 2: poll.every: is shorter"),
        "{}",
        told[0]
    );
    assert!(told[1].contains("line 9: "), "{}", told[1]);
    assert!(
        told[1].contains("spacing: is longer than poll.every"),
        "{}",
        told[1]
    );
}
