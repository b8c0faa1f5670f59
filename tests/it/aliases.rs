//! One LinkedIn account that is known by two ids is one account: it is called at one pace, and an accept is announced once.

use std::collections::BTreeSet;

use acceptd::clock::Clock;
use acceptd::sim::v2::Endpoint;
use acceptd::sim::{Member, Settings, Sim, Webhook};
use serde_json::{Value, json};

use crate::v2_support::{OFTEN, World, configuration, days_ago};

const HEADER: &str = "the-webhook-secret-of-a-test";
const SIGNING: &str = "wes_the-signing-secret-of-a-test";

/// The daemon in the middle of a move: both APIs are configured, and `acc_old` is on v1 only so far.
async fn before_the_move(more: &str) -> World {
    acceptd::http::tls_ready();
    let sim = Sim::start(Clock::system(), Settings::default())
        .await
        .expect("a simulated provider");
    sim.add_account("acc_old", Member::made_up(900_000));
    let base = sim.base_url();
    let toml = format!(
        "[unipile]\nbase_url = \"{base}\"\napi_key = \"simulated-key\"\n\
         webhook_secret = \"{HEADER}\"\nsigning_secret = \"{SIGNING}\"\n{}{OFTEN}{more}",
        configuration(&base, "simulated-key-v2"),
    );
    World::over(sim, &toml)
}

/// Lets both APIs send their webhooks to the daemon.
fn connect_webhooks(w: &World) {
    let url = w.daemon.url("/webhooks/unipile");
    w.sim.add_webhook(Webhook {
        id: "we_old".to_owned(),
        source: "users".to_owned(),
        name: "users".to_owned(),
        request_url: url.clone(),
        enabled: true,
        events: vec!["new_relation".to_owned()],
        account_ids: Vec::new(),
        headers: vec![("Unipile-Auth".to_owned(), HEADER.to_owned())],
    });
    w.sim.add_endpoint(Endpoint {
        id: "we_new".to_owned(),
        url,
        trigger_events: vec!["relation.new".to_owned()],
        account_ids: Vec::new(),
        enabled: true,
        description: String::new(),
        secret: SIGNING.to_owned(),
    });
}

async fn accounts(w: &World) -> Vec<Value> {
    let listed = w.get("/v1/accounts").await;
    listed["items"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moving_an_account_loses_nothing_and_announces_nothing_twice() {
    let mut w = before_the_move("").await;
    connect_webhooks(&w);
    let mut ids = Vec::new();
    for number in 701..=705 {
        ids.push(w.enroll("acc_old", number).await);
    }
    w.until("a poll of v1", async || {
        !w.calls_to("/api/v1/users/relations").is_empty()
    })
    .await;
    w.sim.accept("acc_old", 701, days_ago(1));
    w.accepted(&ids[0]).await;

    // The account is connected to v2 as well, and the next start learns of it.
    w.sim.connect_v2("acc_old", "acc_new");
    w.daemon.stop();
    w.daemon.start(&[], &[]);
    w.sim.move_webhooks(&w.daemon.url("/webhooks/unipile"));
    w.until("one account", async || {
        let all = accounts(&w).await;
        all.len() == 1 && all[0]["id"] == "acc_new"
    })
    .await;
    let all = accounts(&w).await;
    assert_eq!(all[0]["aliases"], json!(["acc_old"]));
    assert_eq!(all[0]["provider"], "unipile_v2");
    assert_eq!(all[0]["openEnrollments"], 4);

    // Webhooks of both APIs come for one accept.
    w.sim.accept("acc_old", 702, days_ago(1));
    let e = w.accepted(&ids[1]).await;
    assert_eq!(
        (&e["accountId"], &e["viaSibling"]),
        (&json!("acc_old"), &json!(false))
    );

    // The account leaves v1, and no webhook comes: v2's list finds the accept.
    w.sim.drop_webhooks(true);
    w.sim.leave_v1("acc_old");
    w.sim.accept("acc_old", 703, days_ago(1));
    let e = w.accepted(&ids[2]).await;
    assert_eq!(
        (&e["source"], &e["accountId"]),
        (&json!("poll"), &json!("acc_old"))
    );
    assert!(!w.calls_to("/v2/acc_new/users/me/relations").is_empty());

    // A resync asks v2.
    let path = format!("/v1/enrollments/{}/resync", ids[3]);
    let (status, body) = w.send("POST", &path, json!({})).await;
    assert_eq!(status, 202, "{body}");
    w.until("a profile", async || {
        let profile = Member::made_up(704).provider_id();
        !w.calls_to(&format!("/v2/acc_new/users/{profile}"))
            .is_empty()
    })
    .await;

    // The engine may name either id; the enrollment keeps the one it came with.
    let row = json!({"id": ids[4], "accountId": "acc_new"});
    let (_, body) = w.send("POST", "/v1/enrollments", row).await;
    assert_eq!(body["unchanged"], 1, "{body}");
    let late = w.enroll("acc_new", 706).await;
    w.sim.accept("acc_old", 706, days_ago(1));
    w.accepted(&late).await;

    let events = w.events("linkedin.invite_accepted").await;
    let keys: BTreeSet<&str> = events
        .iter()
        .filter_map(|event| event["data"]["dedupeKey"].as_str())
        .collect();
    assert_eq!((events.len(), keys.len()), (4, 4), "{keys:?}");
    for id in &ids[..3] {
        assert!(
            keys.contains(format!("li-accept:acc_old:{id}").as_str()),
            "{keys:?}"
        );
    }
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_may_name_the_former_id() {
    let w = before_the_move(
        "[[account]]\nid = \"acc_old\"\nformerly = [\"acc_older\"]\ndaily_budget = 77\n",
    )
    .await;
    let id = w.enroll("acc_older", 701).await;
    w.until("one account", async || {
        let all = accounts(&w).await;
        all.len() == 1 && all[0]["openEnrollments"] == 1
    })
    .await;
    let all = accounts(&w).await;
    assert_eq!(all[0]["aliases"], json!(["acc_older"]));
    assert_eq!(all[0]["dailyBudget"], 77);
    w.sim.accept("acc_old", 701, days_ago(1));
    let e = w.accepted(&id).await;
    assert_eq!(
        (&e["accountId"], &e["source"]),
        (&json!("acc_older"), &json!("poll"))
    );
    let asked: Vec<String> = w.sim.calls().into_iter().map(|call| call.query).collect();
    assert!(
        asked
            .iter()
            .all(|query| query.contains("account_id=acc_old&")),
        "{asked:?}"
    );
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_may_keep_an_account_on_v1() {
    let mut w = before_the_move("[[account]]\nid = \"acc_old\"\nprovider = \"unipile\"\n").await;
    w.sim.connect_v2("acc_old", "acc_new");
    w.daemon.stop();
    w.daemon.start(&[], &[]);
    let id = w.enroll("acc_old", 701).await;
    w.sim.accept("acc_old", 701, days_ago(1));
    let e = w.accepted(&id).await;
    assert_eq!(
        (&e["accountId"], &e["source"]),
        (&json!("acc_old"), &json!("poll"))
    );
    let all = accounts(&w).await;
    assert_eq!((all.len(), &all[0]["provider"]), (1, &json!("unipile")));
    for call in w.sim.calls() {
        assert!(call.query.contains("account_id=acc_old&"), "{call:?}");
    }
    w.nobody_was_called_too_fast();
}
