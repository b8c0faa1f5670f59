//! Statuses from SendPilot only move forward, and an older event never overrides a newer one.

use acceptd::domain::ids::AccountId;
use serde_json::json;

use crate::evidence_support::{ago, enroll, enrollment, event, profile_id, site, told};
use crate::sendpilot_rules::change;

#[tokio::test]
async fn statuses_move_forward_and_no_older_word_overrides_a_newer() {
    let site = site().await;
    let status = async |lead: &str| enrollment(&site, lead).await["status"].clone();
    // One that needs no accept never comes back; an unknown one is ignored.
    told(
        &site,
        &change("1", "a", 50, "CONNECTION_SENT", "CONNECTION_ACCEPTED"),
        "stamped",
    )
    .await;
    told(
        &site,
        &change("2", "a", 40, "CONNECTION_ACCEPTED", "PENDING"),
        "already_stamped",
    )
    .await;
    told(
        &site,
        &change("3", "a", 40, "PENDING", "CONNECTION_SENT"),
        "recorded",
    )
    .await;
    told(
        &site,
        &change("4", "a", 40, "PENDING", "DANCING"),
        "recorded",
    )
    .await;
    assert_eq!(status("a").await, "CONNECTION_ACCEPTED");
    // Evidence first, then the status; and between those that people set, the newer word counts.
    told(
        &site,
        &change("1", "b", 50, "CONNECTION_ACCEPTED", "OPPORTUNITY"),
        "stamped",
    )
    .await;
    told(
        &site,
        &change("2", "b", 40, "REPLY_RECEIVED", "NOT_INTERESTED"),
        "stamped",
    )
    .await;
    assert_eq!(status("b").await, "NOT_INTERESTED");
    told(
        &site,
        &change("3", "b", 45, "REPLY_RECEIVED", "DONE"),
        "already_stamped",
    )
    .await;
    assert_eq!(status("b").await, "NOT_INTERESTED", "older");
    told(
        &site,
        &change("4", "b", 45, "NOT_INTERESTED", "DONE"),
        "recorded",
    )
    .await;
    assert_eq!(status("b").await, "NOT_INTERESTED", "older");
    told(
        &site,
        &change("5", "b", 30, "NOT_INTERESTED", "DONE"),
        "recorded",
    )
    .await;
    assert_eq!(status("b").await, "DONE");
    told(
        &site,
        &change("6", "b", 20, "DONE", "REPLY_RECEIVED"),
        "already_stamped",
    )
    .await;
    assert_eq!(status("b").await, "DONE", "no stamp moves it back");
    // A newer word for what already holds counts as well.
    told(
        &site,
        &change("1", "c", 50, "PENDING", "OPPORTUNITY"),
        "recorded",
    )
    .await;
    told(
        &site,
        &change("2", "c", 30, "PENDING", "OPPORTUNITY"),
        "recorded",
    )
    .await;
    told(&site, &change("3", "c", 40, "PENDING", "DONE"), "recorded").await;
    assert_eq!(status("c").await, "OPPORTUNITY");
    assert!(enrollment(&site, "c").await["acceptedAt"].is_null());
    // Nor is an older word newer for a time of the accept that is older still.
    told(
        &site,
        &event(
            "1",
            "connection.accepted",
            "d",
            &ago(20),
            json!({"acceptedAt": ago(60)}),
        ),
        "stamped",
    )
    .await;
    told(
        &site,
        &change("2", "d", 40, "PENDING", "OPPORTUNITY"),
        "recorded",
    )
    .await;
    assert_eq!(status("d").await, "CONNECTION_ACCEPTED");
    // A time in the future is no time.
    told(
        &site,
        &change("1", "e", -9000, "PENDING", "OPPORTUNITY"),
        "recorded",
    )
    .await;
    told(
        &site,
        &change("2", "e", -8000, "PENDING", "DONE"),
        "recorded",
    )
    .await;
    assert_eq!(status("e").await, "DONE");
}

#[tokio::test]
async fn a_lead_that_is_open_again_is_looked_for_down_to_the_bound() {
    let site = site().await;
    let row = json!({"id": "lead", "accountId": "acc_1", "providerId": profile_id(7), "invitedAt": ago(60)});
    enroll(&site, row).await;
    let looks = async || {
        let account = AccountId::parse("acc_1").expect("an id");
        let row = site.store.read(move |r| r.poll_row(&account)).await;
        row.expect("a store").expect("it is polled").look_seq
    };
    told(
        &site,
        &change("1", "lead", 30, "CONNECTION_SENT", "DONE"),
        "recorded",
    )
    .await;
    let closed = looks().await;
    told(
        &site,
        &change("2", "lead", 20, "DONE", "OPPORTUNITY"),
        "recorded",
    )
    .await;
    assert_eq!(enrollment(&site, "lead").await["status"], "OPPORTUNITY");
    assert_eq!(looks().await, closed + 1);
}
