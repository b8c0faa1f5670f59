//! `register` against the simulated Unipile: three webhooks whatever was registered before, and their events arrive.

use std::time::Duration;

use acceptd::cli::register::Args;
use acceptd::clock::Clock;
use acceptd::domain::time::Timestamp;
use acceptd::provider::CallError;
use acceptd::provider::unipile::v1::UnipileV1;
use acceptd::provider::unipile::v1::register::{Action, Wanted, register};
use acceptd::sim::receiver::Receiver;
use acceptd::sim::{Fault, Member, Rule, Settings, Sim, Webhook};
use secrecy::SecretString;
use url::Url;

const NOW: Timestamp = Timestamp(1_777_734_846_000);

async fn world() -> (Sim, UnipileV1) {
    let clock = Clock::by_hand(NOW);
    let sim = Sim::start(clock.clone(), Settings::default())
        .await
        .unwrap();
    let base = Url::parse(&sim.base_url()).unwrap();
    let key = SecretString::from("simulated-key");
    let client = UnipileV1::new(&base, key, Duration::from_secs(10), clock).unwrap();
    (sim, client)
}

fn wanted(public_url: &str, secret: &str) -> Wanted {
    let url = Url::parse(public_url).unwrap();
    Wanted::new(&url, "Unipile-Auth", SecretString::from(secret)).unwrap()
}

/// Registers, and counts what was created, kept and removed.
async fn run(client: &UnipileV1, wanted: &Wanted) -> Result<[usize; 3], CallError> {
    let mut counts = [0; 3];
    register(client, wanted, |action, _| {
        counts[match action {
            Action::Create { .. } => 0,
            Action::Keep { .. } => 1,
            Action::Remove { .. } => 2,
        }] += 1;
    })
    .await?;
    Ok(counts)
}

fn foreign(n: usize) -> Webhook {
    Webhook {
        id: format!("theirs_{n}"),
        source: "messaging".into(),
        name: "crm".into(),
        request_url: "https://crm.example/hook".into(),
        enabled: true,
        events: vec!["message_received".into()],
        account_ids: vec![],
        headers: vec![],
    }
}

#[tokio::test]
async fn three_are_created_kept_replaced_and_never_doubled() {
    let (sim, client) = world().await;
    sim.add_webhook(foreign(0));
    let first = wanted("https://a.example/", "one");
    assert_eq!(run(&client, &first).await.unwrap(), [3, 0, 0]);
    assert_eq!(run(&client, &first).await.unwrap(), [0, 3, 0]);
    let rotated = wanted("https://a.example/", "two");
    assert_eq!(run(&client, &rotated).await.unwrap(), [3, 0, 3]);
    let moved = wanted("https://b.example", "two");
    assert_eq!(run(&client, &moved).await.unwrap(), [3, 0, 3]);

    let webhooks = sim.webhooks();
    assert_eq!(webhooks.len(), 4);
    assert_eq!(webhooks[0], foreign(0));
    let names: Vec<_> = webhooks[1..]
        .iter()
        .map(|webhook| webhook.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "acceptd-users",
            "acceptd-messages",
            "acceptd-account-status"
        ]
    );
    for webhook in &webhooks[1..] {
        assert_eq!(webhook.request_url, "https://b.example/webhooks/unipile");
        assert!(
            webhook
                .headers
                .contains(&("Unipile-Auth".into(), "two".into()))
        );
        let json = ("Content-Type".into(), "application/json".into());
        assert!(webhook.headers.contains(&json));
    }
    for word in ["CONNECTING", "OK", "STOPPED"] {
        assert!(
            webhooks[3].events.iter().any(|event| event == word),
            "{word}"
        );
    }
}

#[tokio::test]
async fn a_run_that_broke_off_is_finished_by_the_next() {
    let (sim, client) = world().await;
    let old = wanted("https://a.example", "one");
    run(&client, &old).await.unwrap();
    let new = wanted("https://a.example", "two");
    // The list is read and two are created; then the provider fails before anything was removed.
    for _ in 0..3 {
        sim.inject(Rule::once(Fault::SlowHead(Duration::ZERO)));
    }
    sim.inject(Rule::once(Fault::CutHead));
    run(&client, &new).await.unwrap_err();
    assert!(sim.webhooks().len() >= 5, "what was there is still there");
    let [_, _, removed] = run(&client, &new).await.unwrap();
    assert!(removed >= 3);
    assert_eq!(sim.webhooks().len(), 3);
    assert_eq!(run(&client, &new).await.unwrap(), [0, 3, 0]);
}

#[tokio::test]
async fn a_long_list_is_read_to_its_end() {
    let (sim, client) = world().await;
    (0..600).for_each(|n| sim.add_webhook(foreign(n)));
    let wanted = wanted("https://a.example", "one");
    run(&client, &wanted).await.unwrap();
    assert_eq!(run(&client, &wanted).await.unwrap(), [0, 3, 0]);
    assert_eq!(sim.webhooks().len(), 603);
}

#[tokio::test]
async fn a_wrong_key_is_said_and_nothing_is_touched() {
    let (sim, client) = world().await;
    sim.set(|settings| settings.api_key = "another".into());
    let error = run(&client, &wanted("https://a.example", "one"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("unipile.api_key"), "{error}");
    assert_eq!(sim.webhooks().len(), 0);
}

#[tokio::test]
async fn what_is_registered_arrives() {
    let (sim, client) = world().await;
    let receiver = Receiver::start(Clock::by_hand(NOW)).await.unwrap();
    let wanted = wanted(&receiver.url("/hooks"), "s3cret");
    run(&client, &wanted).await.unwrap();
    sim.add_account("acc_1", Member::made_up(7));
    sim.set_status("acc_1", "CONNECTING");
    let told = receiver.wait_for(1).await.remove(0);
    assert_eq!(told.path, "/hooks/webhooks/unipile");
    assert_eq!(told.header("unipile-auth"), Some("s3cret"));
    assert_eq!(told.header("content-type"), Some("application/json"));
    assert_eq!(told.json()["AccountStatus"]["message"], "CONNECTING");
}

#[tokio::test]
async fn register_prints_what_it_did_and_what_is_missing() {
    let (sim, _) = world().await;
    let run = async |text: &str| {
        let (config, _) = acceptd::config::parse(text).unwrap();
        let (mut out, mut problems) = (Vec::new(), Vec::new());
        let status = acceptd::cli::register::run(
            &config,
            Clock::system(),
            &Args { rotate: false },
            &mut out,
            &mut problems,
        )
        .await;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            status.map(|status| format!("{status:?}")),
            text(out),
            text(problems),
        )
    };
    let (status, _, problems) = run("").await;
    assert!(status.unwrap().contains('2'));
    for key in [
        "server.public_url",
        "unipile.base_url",
        "unipile.api_key",
        "unipile.webhook_secret",
    ] {
        assert!(problems.contains(key), "{problems}");
    }
    let config = |key: &str| {
        format!(
            "[server]\npublic_url = \"https://a.example\"\nadmin_token = \"t0ken-for-a-test\"\n\
             [unipile]\nbase_url = \"{}\"\napi_key = \"{key}\"\nwebhook_secret = \"s3cret\"\n",
            sim.base_url()
        )
    };
    let (status, out, problems) = run(&config("simulated-key")).await;
    assert!(status.unwrap().contains('0'), "{problems}");
    assert_eq!(out.matches("created").count(), 3, "{out}");
    assert!(out.contains("https://a.example/webhooks/unipile"), "{out}");
    assert_eq!(
        sim.webhooks()[0].headers[0],
        ("Unipile-Auth".into(), "s3cret".into())
    );
    let (_, out, _) = run(&config("simulated-key")).await;
    assert_eq!(out.matches("kept").count(), 3, "{out}");
    let (status, out, _) = run(&config("wr0ng-key")).await;
    let error = format!("{:#}", status.unwrap_err());
    assert!(
        error.contains("unipile.api_key") && !error.contains("wr0ng-key"),
        "{error}"
    );
    assert_eq!(out, "");
}
