//! Invites that stay open longer than `notAcceptedAfter` are reported once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::steps_support::{DAY, HOUR, WEDNESDAY, accept, change, events, site, until_events};

#[tokio::test]
async fn an_open_invite_is_reported_once_and_can_still_be_accepted() {
    let kind = "linkedin.invite_not_accepted";
    let site = site(
        WEDNESDAY,
        json!({"notAcceptedAfter": "14d"}),
        &["open", "early", "done"],
    )
    .await;
    accept(&site, "early").await;
    site.call(
        "PATCH",
        "/v1/enrollments/done",
        Some(json!({"status": "DONE"})),
    )
    .await;
    let invited = site.clock.now().minus(HOUR);
    site.clock
        .set(invited.plus(14 * DAY).minus(Duration::from_millis(1)));
    assert!(events(&site, kind).await.is_empty());
    site.clock.set(invited.plus(14 * DAY));
    until_events(&site, kind, 1).await;
    site.clock.advance(30 * DAY);
    let reported = events(&site, kind).await;
    assert_eq!(reported.len(), 1);
    let data = &reported[0]["data"];
    assert_eq!(data["dedupeKey"], "li-open:acc_1:open");
    assert_eq!(
        (&data["acceptedAt"], &data["enrollmentId"]),
        (&Value::Null, &json!("open"))
    );
    accept(&site, "open").await;
    assert_eq!(events(&site, "linkedin.invite_accepted").await.len(), 2);
    assert_eq!(events(&site, kind).await.len(), 1);
}

#[tokio::test]
async fn it_is_looked_at_anew_when_a_campaign_or_an_invite_changes() {
    let kind = "linkedin.invite_not_accepted";
    let site = site(WEDNESDAY, json!({}), &["a"]).await;
    site.clock.advance(2 * DAY);
    // Nothing waits: only the change can wake the task.
    change(&site, json!({"notAcceptedAfter": "1d"})).await;
    until_events(&site, kind, 1).await;
    site.post(
        "/v1/enrollments",
        json!({"id": "b", "accountId": "acc_1", "campaignId": "c", "linkedinUrl": "linkedin.com/in/b",
               "invitedAt": "2026-05-01T00:00:00Z"}),
    )
    .await;
    until_events(&site, kind, 2).await;
    // An account that it moves to has an invite of its own.
    site.post(
        "/v1/enrollments",
        json!({"id": "b", "accountId": "acc_2", "invitedAt": "2026-05-02T00:00:00Z"}),
    )
    .await;
    until_events(&site, kind, 3).await;
    let keys: Vec<_> = events(&site, kind)
        .await
        .iter()
        .map(|e| e["data"]["dedupeKey"].clone())
        .collect();
    assert_eq!(
        keys,
        ["li-open:acc_1:a", "li-open:acc_1:b", "li-open:acc_2:b"]
    );
}

#[tokio::test]
async fn that_an_invite_was_reported_is_forgotten_with_the_invite() {
    let kind = "linkedin.invite_not_accepted";
    let site = site(WEDNESDAY, json!({"notAcceptedAfter": "1d"}), &["a"]).await;
    site.clock.advance(2 * DAY);
    until_events(&site, kind, 1).await;
    let reported = || {
        let conn = rusqlite::Connection::open(site.store.path()).expect("the database");
        conn.query_row(
            "SELECT open_reported_at IS NOT NULL FROM enrollments WHERE id = 'a'",
            [],
            |row| row.get::<_, bool>(0),
        )
        .expect("the enrollment")
    };
    let upsert = async |more: Value| {
        let mut row = json!({"id": "a", "accountId": "acc_1"});
        for (key, value) in more.as_object().expect("an object") {
            row[key] = value.clone();
        }
        let (status, answer) = site.post("/v1/enrollments", row).await;
        assert_eq!((status, &answer["updated"]), (200, &json!(1)), "{answer}");
    };
    upsert(json!({"name": "Mira"})).await;
    assert!(reported());
    upsert(json!({"linkedinUrl": "linkedin.com/in/somebody-else"})).await;
    assert!(!reported());
    // The event of this account and enrollment went out, and goes out once.
    upsert(json!({"invitedAt": "2026-05-02T00:00:00Z"})).await;
    tokio::time::timeout(Duration::from_secs(10), async {
        while !reported() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is looked at again");
    assert_eq!(events(&site, kind).await.len(), 1);
}
