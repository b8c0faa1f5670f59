//! `register` with API v2: one endpoint with the events that are needed, and its secret in the file before an older one goes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use acceptd::clock::Clock;
use acceptd::sim::{Member, Settings, Sim};
use tempfile::TempDir;

use crate::v2_support::configuration;

/// Runs a command of the built program.
async fn command(config: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acceptd"));
    command.arg("--config").arg(config).args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.expect("no panic").expect("the binary runs")
}

struct World {
    sim: Sim,
    folder: TempDir,
}

impl World {
    async fn start() -> Self {
        acceptd::http::tls_ready();
        let sim = Sim::start(Clock::system(), Settings::default())
            .await
            .expect("a simulated provider");
        sim.add_account("acc_v2", Member::made_up(900_000));
        sim.connect_v2("acc_v2", "acc_v2");
        Self {
            sim,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn secret_file(&self) -> String {
        let path = self.folder.path().join("secrets");
        path.to_str().expect("a path").to_owned()
    }

    fn secrets(&self) -> Vec<String> {
        let text = fs::read_to_string(self.secret_file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Runs `register` and returns what it printed, line by line, without the ids.
    async fn register(&self, options: &[&str]) -> Vec<String> {
        let toml = format!(
            "[server]\npublic_url = \"https://accepts.example\"\nadmin_token = \"the-admin-token-of-a-test\"\n\
             {}secret_file = \"{}\"\n",
            configuration(&self.sim.base_url(), "simulated-key-v2"),
            self.secret_file()
        );
        let path = self.folder.path().join("acceptd.toml");
        fs::write(&path, toml).expect("a configuration");
        let output = command(&path, &[&["register"], options].concat()).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}\n{errors}");
        for secret in self.secrets() {
            assert!(!text.contains(&secret) && !errors.contains(&secret));
        }
        let words = |line: &str| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        };
        text.lines().map(words).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_endpoint_is_created_kept_repaired_and_rotated() {
    let w = World::start().await;
    assert_eq!(w.register(&[]).await[0], "created acceptd");
    let [endpoint] = w.sim.endpoints().try_into().expect("one endpoint");
    assert_eq!(endpoint.url, "https://accepts.example/webhooks/unipile");
    assert_eq!(w.secrets(), std::slice::from_ref(&endpoint.secret));
    for needed in [
        "relation.new",
        "message.new",
        "account.status.disconnected",
        "account.locked",
    ] {
        assert!(endpoint.trigger_events.iter().any(|name| name == needed));
    }
    assert_eq!(endpoint.trigger_events.len(), 10);

    assert_eq!(w.register(&[]).await[0], "kept acceptd");
    assert_eq!(w.sim.endpoints(), std::slice::from_ref(&endpoint));

    // The file is gone: the list shows the secret, so that nothing has to be replaced.
    fs::remove_file(w.secret_file()).expect("the file");
    assert_eq!(w.register(&[]).await[0], "kept acceptd");
    assert_eq!(w.secrets(), std::slice::from_ref(&endpoint.secret));

    // The endpoint was switched off by hand.
    w.sim.change_endpoint(&endpoint.id, |endpoint| {
        endpoint.enabled = false;
        endpoint.trigger_events.truncate(1);
    });
    assert_eq!(w.register(&[]).await[0], "changed acceptd");
    let repaired = &w.sim.endpoints()[0];
    assert_eq!((&repaired.id, repaired.enabled), (&endpoint.id, true));
    assert_eq!(repaired.trigger_events.len(), 10);

    let lines = w.register(&["--rotate"]).await;
    assert_eq!(lines[..2], ["created acceptd", "removed acceptd"]);
    let [rotated] = w.sim.endpoints().try_into().expect("one endpoint");
    assert_ne!(rotated.secret, endpoint.secret);
    // Events that were signed with the old secret may still be on their way.
    assert_eq!(w.secrets(), [endpoint.secret, rotated.secret.clone()]);
    w.register(&[]).await;
    assert_eq!(w.secrets(), [rotated.secret], "the next run forgets it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_the_provider_refuses_is_dropped() {
    let w = World::start().await;
    w.sim.set(|settings| {
        settings
            .v2_events
            .retain(|name| name != "relation.new" && name != "account.status.partial");
        settings
            .v2_events
            .push("relation.request.accept".to_owned());
    });
    assert_eq!(w.register(&[]).await[0], "created acceptd");
    let [endpoint] = w.sim.endpoints().try_into().expect("one endpoint");
    assert_eq!(endpoint.trigger_events.len(), 9);
    let has = |wanted: &str| endpoint.trigger_events.iter().any(|name| name == wanted);
    assert!(has("relation.request.accept") && !has("account.status.partial"));
    assert_eq!(w.register(&[]).await[0], "kept acceptd");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_file_nothing_is_registered() {
    let w = World::start().await;
    let path = w.folder.path().join("acceptd.toml");
    let toml = format!(
        "[server]\npublic_url = \"https://accepts.example\"\nadmin_token = \"the-admin-token-of-a-test\"\n{}",
        configuration(&w.sim.base_url(), "simulated-key-v2")
    );
    fs::write(&path, toml).expect("a configuration");
    let output = command(Path::new(&path), &["register"]).await;
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("unipile_v2.secret_file is not set"),
        "{errors}"
    );
    assert!(w.sim.endpoints().is_empty());
}
