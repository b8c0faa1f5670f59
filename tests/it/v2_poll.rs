//! Accounts of API v2 are polled and resynced by v2's own routes, cursors, errors and limits, in the pace of every account.

use std::time::Duration;

use acceptd::sim::v2::ListOrder;
use acceptd::sim::{Fault, Member, Route, Rule, Sim};
use serde_json::json;

use crate::v2_support::{OFTEN, RARELY, World, days_ago};

const RELATIONS: &str = "/users/me/relations";

/// So many connections, one a day, from a year ago.
fn old_connections(sim: &Sim, account: &str, count: u64) {
    let connections = (1..=count).map(|n| (Member::made_up(n), days_ago(365 + n)));
    sim.add_connections(account, connections);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accept_is_found_past_the_cache() {
    let w = World::start(OFTEN, |sim| old_connections(sim, "acc_v2", 30)).await;
    let id = w.enroll("acc_v2", 700).await;
    w.until("a first poll", async || !w.calls_to(RELATIONS).is_empty())
        .await;
    let at = days_ago(1);
    w.sim.accept("acc_v2", 700, at);
    let e = w.accepted(&id).await;
    assert_eq!(e["acceptedAt"], json!(at));
    assert_eq!(
        (&e["source"], &e["acceptedAtPrecision"], &e["path"]),
        (&json!("poll"), &json!("exact"), &json!("bridge"))
    );
    let accounts = w.get("/v1/accounts").await;
    let account = &accounts["items"][0];
    assert_eq!(account["id"], "acc_v2");
    assert_eq!(account["provider"], "unipile_v2");
    assert_eq!(account["name"], Member::made_up(900_000).full_name());
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_the_cursor_and_nothing_stands_beside_it() {
    let more = format!("{RARELY}page_size = 1000\n");
    let w = World::start(&more, |sim| {
        let recent = (1..=230).map(|n| {
            let at = days_ago(0).minus(Duration::from_secs(n * 60));
            (Member::made_up(n), at)
        });
        sim.add_connections("acc_v2", recent);
        sim.add_connections("acc_v2", [(Member::made_up(700), days_ago(1))]);
    })
    .await;
    let id = w.enroll("acc_v2", 700).await;
    w.accepted(&id).await;
    let calls = w.calls_to(RELATIONS);
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert_eq!(calls[0].query, "limit=100");
    for call in &calls {
        assert_eq!(call.status, Some(200));
        assert!(call.query.matches('=').count() == 1 && !call.query.contains('&'));
    }
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_another_order_is_read_whole_and_said_once() {
    let more = format!("{OFTEN}page_size = 40\n");
    let w = World::start(&more, |sim| {
        old_connections(sim, "acc_v2", 90);
        old_connections(sim, "acc_v2b", 3);
        sim.set(|settings| settings.v2_order = ListOrder::ByName);
    })
    .await;
    // Enrolled before anything was read, and after a poll is finished: in both cases the last page is reached.
    for number in [701, 708] {
        let id = w.enroll("acc_v2", number).await;
        w.sim.accept("acc_v2", number, days_ago(1));
        let e = w.accepted(&id).await;
        assert_eq!(e["source"], "poll");
    }
    let said = w.daemon.log().matches("not newest first").count();
    assert_eq!(said, 1, "{}", w.daemon.log());
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_the_key_stops_every_account() {
    for (kind, others) in [
        ("api/too_many_requests", 0),
        ("provider/too_many_requests", 1),
    ] {
        let w = World::start(RARELY, |_| {}).await;
        w.sim
            .inject(Rule::once(Fault::error(429, kind)).on(Route::Relations));
        w.enroll("acc_v2", 700).await;
        w.until("a first call", async || !w.calls_to(RELATIONS).is_empty())
            .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        w.enroll("acc_v2b", 701).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let calls = w.calls_to("/v2/acc_v2b/users/me/relations");
        assert_eq!(calls.len(), others, "{kind}: {calls:?}");
        let health = w.get("/v1/accounts").await["items"][0]["health"].clone();
        assert_eq!(health, "OK", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_is_named() {
    let w = World::start(RARELY, |sim| {
        sim.set(|settings| "another-key".clone_into(&mut settings.api_key_v2));
    })
    .await;
    // The list could not be read, so the configuration has to say what the account is. Without API v1, v2 serves every account.
    w.enroll("acc_v2", 700).await;
    w.daemon.wait_for_log("API key refused, polling stops");
    let (status, body) = w.send("GET", "/readyz", json!(null)).await;
    let text = body.to_string();
    assert!(text.contains("unipile_v2.api_key"), "{status}: {text}");
    assert!(!w.daemon.log().contains("simulated-key-v2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resync_asks_for_the_v2_profile() {
    let w = World::start(RARELY, |sim| old_connections(sim, "acc_v2", 3)).await;
    let id = w.enroll("acc_v2", 700).await;
    w.until("a first poll", async || !w.calls_to(RELATIONS).is_empty())
        .await;
    w.sim.accept("acc_v2", 700, days_ago(1));
    let path = format!("/v1/enrollments/{id}/resync");
    let (status, body) = w.send("POST", &path, json!({})).await;
    assert_eq!(status, 202, "{body}");
    let e = w.accepted(&id).await;
    assert_eq!(
        (&e["source"], &e["acceptedAtPrecision"]),
        (&json!("resync"), &json!("upper_bound"))
    );
    let profile = format!("/v2/acc_v2/users/{}", Member::made_up(700).provider_id());
    assert_eq!(w.calls_to(&profile).len(), 1);
    w.nobody_was_called_too_fast();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_the_cache_is_reported_once_and_heals_nothing() {
    let w = World::start(OFTEN, |sim| {
        sim.set(|settings| settings.v2_ignores_cache_control = true);
    })
    .await;
    w.enroll("acc_v2", 700).await;
    w.until("some polls", async || w.calls_to(RELATIONS).len() >= 4)
        .await;
    let said = w.daemon.log().matches("answered from its cache").count();
    assert_eq!(said, 1, "{}", w.daemon.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_learns_from_the_list_who_is_disconnected() {
    let mut w = World::start(OFTEN, |_| {}).await;
    w.enroll("acc_v2", 700).await;
    w.until("a first poll", async || !w.calls_to(RELATIONS).is_empty())
        .await;
    w.daemon.stop();
    // No webhook is registered, so only the list can tell.
    w.sim.set_status("acc_v2", "CREDENTIALS");
    let calls = w.calls_to(RELATIONS).len();
    w.daemon.start(&[], &[]);
    w.until("an outage", async || {
        w.get("/v1/accounts").await["items"][0]["health"] == "UNHEALTHY"
    })
    .await;
    assert_eq!(w.events("linkedin.account_disconnected").await.len(), 1);
    assert_eq!(w.calls_to(RELATIONS).len(), calls, "nobody is called");
    // An account without enrollments causes no event.
    let accounts = w.get("/v1/accounts").await;
    assert_eq!(accounts["items"][1]["health"], "OK");
}
