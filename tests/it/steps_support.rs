//! A campaign on a manually advanced clock, and the events it produced.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::daemon::steps;
use acceptd::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::site_support::Site;

/// A Wednesday, 14:00 in Berlin.
pub const WEDNESDAY: &str = "2026-05-06T12:00:00Z";

pub const HOUR: Duration = Duration::from_secs(3_600);
pub const DAY: Duration = Duration::from_secs(86_400);

pub fn ms(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

pub fn time(value: &Value) -> Timestamp {
    ms(value.as_str().expect("a time"))
}

pub fn office(jitter: &str) -> Value {
    json!({
        "timezone": "Europe/Berlin", "days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00",
        "jitter": jitter,
    })
}

/// A site at an instant, with these enrollments invited an hour ago in the running campaign `c`.
pub async fn site(now: &str, campaign: Value, enrollments: &[&str]) -> Site {
    let site = Site::on_clock(Clock::by_hand(ms(now))).await;
    enroll(&site, enrollments).await;
    change(&site, campaign).await;
    site
}

pub async fn enroll(site: &Site, ids: &[&str]) {
    let invited = site.clock.now().minus(HOUR).rfc3339();
    let rows: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({
                "id": id, "accountId": "acc_1", "campaignId": "c", "linkedinUrl": format!("linkedin.com/in/{id}"),
                "invitedAt": invited,
            })
        })
        .collect();
    let (status, answer) = site.post("/v1/enrollments", json!(rows)).await;
    assert_eq!((status, &answer["failed"]), (200, &json!(0)), "{answer}");
}

pub async fn change(site: &Site, campaign: Value) {
    let (status, answer) = site.call("PATCH", "/v1/campaigns/c", Some(campaign)).await;
    assert_eq!(status, 200, "{answer}");
}

pub async fn accept(site: &Site, id: &str) -> Value {
    let (status, e) = site
        .post(
            &format!("/v1/enrollments/{id}/stamp"),
            json!({"reason": "seen"}),
        )
        .await;
    assert_eq!(status, 200, "{e}");
    e
}

/// The events of a type. What is due now has gone out before: the same look that the daemon takes.
pub async fn events(site: &Site, kind: &str) -> Vec<Value> {
    steps::run_due(&site.reconciler, &site.clock)
        .await
        .expect("a look");
    let (_, all) = site.get("/v1/events").await;
    let items = all["items"].as_array().expect("items").clone();
    items.into_iter().filter(|e| e["type"] == kind).collect()
}

pub async fn due(site: &Site) -> Vec<Value> {
    events(site, "linkedin.next_step_due").await
}

/// Waits for the daemon's own task to have done it.
pub async fn until_events(site: &Site, kind: &str, n: usize) {
    let mut commits = site.store.commits();
    loop {
        let (_, all) = site.get("/v1/events").await;
        let items = all["items"].as_array().expect("items").clone();
        if items.iter().filter(|e| e["type"] == kind).count() >= n {
            return;
        }
        tokio::time::timeout(Duration::from_secs(20), commits.changed())
            .await
            .expect("the task writes it")
            .expect("the store is open");
    }
}
