//! Account events of API v2: status, lock and products, and the one announcement of an outage.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::evidence_support::{ago, believing, enroll, events, leads_to, profile_id, site};
use crate::site_support::{Site, client};

const ACCOUNT: &str = "acc_v2";

/// An account event as API v2 sends it. `id` makes it unique.
fn account_event(id: &str, kind: &str, payload: Value) -> Value {
    json!({
        "id": id, "created_at": ago(1), "account_id": ACCOUNT, "account_provider": "LINKEDIN",
        "account_name": "Piet Hallam", "type": kind, "payload": payload,
    })
}

/// Sends an event that is signed with a secret of API v2.
async fn signed(site: &Site, secret: &str, event: &Value) -> u16 {
    let (body, t) = (event.to_string(), site.clock.now().0 / 1_000);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(format!("{t}.{body}").as_bytes());
    let signature = format!("t={t},v0={}", hex::encode(mac.finalize().into_bytes()));
    let ask = client()
        .post(site.url("/webhooks/unipile"))
        .header("unipile-signature", signature)
        .body(body);
    ask.send().await.expect("an answer").status().as_u16()
}

async fn account(site: &Site) -> Value {
    let (_, page) = site.get("/v1/accounts").await;
    let items = page["items"].as_array().expect("items");
    let found = items.iter().find(|a| a["id"] == ACCOUNT);
    found.expect("the account").clone()
}

async fn health(site: &Site) -> Value {
    account(site).await["health"].clone()
}

#[tokio::test]
async fn a_status_of_api_v2_changes_the_health_of_its_account() {
    let site = site().await;
    enroll(
        &site,
        json!({"id": "e", "accountId": ACCOUNT, "providerId": profile_id(7), "invitedAt": ago(60)}),
    )
    .await;
    for (id, kind, payload, expected) in [
        ("1", "account.status.running", json!({}), "OK"),
        (
            "2",
            "account.status.disconnected",
            json!({"product": "recruiter"}),
            "OK",
        ),
        ("3", "account.status.disconnected", json!({}), "UNHEALTHY"),
        (
            "4",
            "account.status.errored",
            json!({"reason": "proxy"}),
            "UNHEALTHY",
        ),
        ("5", "account.reconnect", json!({}), "UNHEALTHY"),
        (
            "6",
            "account.status.running",
            json!({"product": "recruiter"}),
            "UNHEALTHY",
        ),
        ("7", "account.status.degraded", json!({}), "OK"),
        (
            "8",
            "account.status.partial",
            json!({"products_connection_status": {"classic": "disconnected"}}),
            "UNHEALTHY",
        ),
        (
            "9",
            "account.status.partial",
            json!({"products_connection_status": {"classic": "running", "recruiter": "disconnected"}}),
            "OK",
        ),
        ("10", "account.remove", json!({}), "UNHEALTHY"),
    ] {
        leads_to(&site, &account_event(id, kind, payload), "recorded").await;
        assert_eq!(health(&site).await, expected, "{id} {kind}");
    }
    let outages = events(&site, "linkedin.account_disconnected").await;
    assert_eq!(outages.len(), 3, "one for each outage: {outages:?}");
    assert_eq!(outages[0]["data"]["reason"], "account.status.disconnected");
    let again = account_event("7", "account.status.degraded", json!({}));
    leads_to(&site, &again, "duplicate").await;
    assert_eq!(
        health(&site).await,
        "UNHEALTHY",
        "a duplicate changes nothing"
    );
}

#[tokio::test]
async fn a_lock_and_a_bad_status_end_independently() {
    let site = site().await;
    let mut id = 0;
    let mut send = async |kind: &str| {
        id += 1;
        let event = account_event(&id.to_string(), kind, json!({}));
        leads_to(&site, &event, "recorded").await;
        health(&site).await
    };
    assert_eq!(send("account.locked").await, "UNHEALTHY");
    assert_eq!(send("account.status.running").await, "UNHEALTHY", "locked");
    assert_eq!(account(&site).await["healthReason"], "account.locked");
    assert_eq!(send("account.status.disconnected").await, "UNHEALTHY");
    assert_eq!(send("account.unlocked").await, "UNHEALTHY", "disconnected");
    let reason = account(&site).await["healthReason"].clone();
    assert_eq!(reason, "account.status.disconnected");
    assert_eq!(send("account.status.running").await, "OK");
    assert_eq!(send("account.unlocked").await, "OK", "it was not locked");
    assert_eq!(send("account.locked").await, "UNHEALTHY");
    assert_eq!(send("account.unlocked").await, "OK");
    let outages = events(&site, "linkedin.account_disconnected").await;
    assert_eq!(outages.len(), 2, "one for each outage: {outages:?}");
}

#[tokio::test]
async fn an_account_that_v2_names_first_belongs_to_v2() {
    let site = site().await;
    let event = account_event("1", "account.status.running", json!({}));
    leads_to(&site, &event, "recorded").await;
    assert_eq!(account(&site).await["provider"], "unipile_v2");
}

#[tokio::test]
async fn every_line_of_the_secret_file_signs_and_new_ones_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secrets");
    let more = format!("[unipile_v2]\nsecret_file = {path:?}\n");
    let site = Site::start(&believing(&more)).await;
    let event = |id: &str| account_event(id, "account.status.running", json!({}));
    assert_eq!(
        signed(&site, "wes_first", &event("1")).await,
        401,
        "no file"
    );
    std::fs::write(&path, "wes_first\n").expect("writable");
    // The file is looked at once a second at most.
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(signed(&site, "wes_first", &event("1")).await, 200);
    // The next secret comes before the old one goes.
    std::fs::write(&path, "wes_first\nwes_second\n").expect("writable");
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(signed(&site, "wes_second", &event("2")).await, 200);
    assert_eq!(signed(&site, "wes_first", &event("3")).await, 200);
    assert_eq!(signed(&site, "wes_other", &event("4")).await, 401);
    std::fs::write(&path, "wes_second\n").expect("writable");
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(signed(&site, "wes_other", &event("4")).await, 401);
    assert_eq!(
        signed(&site, "wes_first", &event("5")).await,
        401,
        "removed"
    );
    assert_eq!(signed(&site, "wes_second", &event("6")).await, 200);
}
