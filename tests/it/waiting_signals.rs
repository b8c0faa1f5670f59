//! Signals that match no enrollment wait for seven days. They are tried again when an enrollment is created or gains an identity.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::signal::Outcome;
use acceptd::intake::unipile;
use serde_json::json;

use crate::evidence_support::{
    ago, believing, enroll, enrollment, event, events, leads_to, message, profile_id, relation,
    site, told,
};
use crate::site_support::Site;

const MIRA: u64 = 731_204_558;

#[tokio::test]
async fn what_came_before_the_import_is_found_by_it() {
    let site = site().await;
    leads_to(
        &site,
        &relation("acc_1", MIRA, Some("mira-halvorsen")),
        "unmatched",
    )
    .await;
    leads_to(
        &site,
        &message("acc_1", MIRA, false, "Thanks!"),
        "unmatched",
    )
    .await;
    let (_, before) = site.get("/v1/signals?outcome=unmatched").await;
    let first_receipt = before["items"][1]["receivedAt"].clone();
    let url = format!("https://www.linkedin.com/in/{}", profile_id(MIRA));
    enroll(
        &site,
        json!([{"id": "enr", "accountId": "acc_1", "linkedinUrl": url, "invitedAt": ago(600)}]),
    )
    .await;
    let e = enrollment(&site, "enr").await;
    assert_eq!(e["acceptedAt"], first_receipt);
    assert_eq!(e["source"], "webhook");
    assert_eq!(e["status"], "REPLY_RECEIVED");
    assert!(!e["repliedAt"].is_null());
    // Each signal says what it led to itself.
    let outcomes: Vec<_> = e["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .map(|s| &s["outcome"])
        .collect();
    assert_eq!(outcomes, ["stamped", "stamped"], "{e}");
    assert_eq!(events(&site, "linkedin.reply_received").await.len(), 1);
    assert_eq!(events(&site, "linkedin.invite_accepted").await.len(), 1);
}

#[tokio::test]
async fn a_signal_waits_for_seven_days_and_no_longer() {
    const WEEK: Duration = Duration::from_secs(7 * 86_400);
    let begun = Clock::system().now();
    let site = Site::on_clock(Clock::by_hand(begun)).await;
    let mut invited = relation("acc_1", 2501, None);
    // A time in the future is none, even when it has come by the time the signal is tried again.
    invited["timestamp"] = json!(begun.plus(WEEK / 7));
    for body in [invited, relation("acc_1", 2502, None)] {
        let key = site.reconciler.note_key();
        let body = body.to_string();
        let event = unipile::parse(body.as_bytes(), begun, false, key).expect("a relation");
        let outcome = site
            .reconciler
            .run(move |routine| unipile::apply(routine, &event))
            .await;
        assert_eq!(outcome.expect("stored"), Outcome::Unmatched);
    }
    let row =
        |n: u64| json!({"id": format!("{n}"), "accountId": "acc_1", "providerId": profile_id(n)});
    site.clock.advance(WEEK);
    enroll(&site, row(2501)).await;
    let e = enrollment(&site, "2501").await;
    assert_eq!(e["acceptedAt"], json!(begun));
    assert_eq!(e["detectedAt"], json!(begun.plus(WEEK)));
    assert_eq!(e["acceptedAtPrecision"], "upper_bound");
    site.clock.advance(Duration::from_millis(1));
    enroll(&site, row(2502)).await;
    assert!(enrollment(&site, "2502").await["acceptedAt"].is_null());
}

#[tokio::test]
async fn one_signal_teaches_the_identity_that_another_waited_for() {
    let site = site().await;
    // This message is known by number only, the enrollment by its slug only; the relation ties the two.
    leads_to(
        &site,
        &message("acc_1", MIRA, false, "Thanks!"),
        "unmatched",
    )
    .await;
    let url = "https://www.linkedin.com/in/mira-halvorsen";
    enroll(
        &site,
        json!([{"id": "enr", "accountId": "acc_1", "linkedinUrl": url}]),
    )
    .await;
    assert!(enrollment(&site, "enr").await["acceptedAt"].is_null());
    leads_to(
        &site,
        &relation("acc_1", MIRA, Some("mira-halvorsen")),
        "stamped",
    )
    .await;
    let e = enrollment(&site, "enr").await;
    assert_eq!(e["status"], "REPLY_RECEIVED", "{e}");
    let outcomes: Vec<_> = e["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .map(|s| &s["outcome"])
        .collect();
    assert_eq!(outcomes, ["stamped", "stamped"], "{e}");
}

#[tokio::test]
async fn the_order_of_rows_that_come_together_decides_nothing() {
    let siblings: String = ["a", "b", "c"]
        .iter()
        .map(|id| format!("[[account]]\nid = \"{id}\"\nworkspace_id = \"ws\"\n"))
        .collect();
    let site = Site::start(&believing(&siblings)).await;
    leads_to(&site, &relation("a", 2401, None), "unmatched").await;
    leads_to(&site, &relation("a", 2402, None), "unmatched").await;
    let row = |id: &str, n: u64, account: &str| json!({"id": id, "accountId": account, "providerId": profile_id(n)});
    enroll(
        &site,
        json!([
            row("sibling", 2401, "b"),
            row("own", 2401, "a"),
            row("one", 2402, "b"),
            row("two", 2402, "c"),
        ]),
    )
    .await;
    assert_eq!(enrollment(&site, "own").await["viaSibling"], false);
    for (id, stamped) in [
        ("own", true),
        ("sibling", false),
        ("one", false),
        ("two", false),
    ] {
        let accepted = !enrollment(&site, id).await["acceptedAt"].is_null();
        assert_eq!(accepted, stamped, "{id}");
    }
    let (_, ambiguous) = site.get("/v1/signals?outcome=ambiguous").await;
    assert_eq!(ambiguous["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_lead_first_seen_by_a_reply_is_a_backfill() {
    let site = site().await;
    let slug = "mira-halvorsen";
    leads_to(&site, &relation("acc_1", MIRA, Some(slug)), "unmatched").await;
    let data = json!({"linkedinUrl": format!("https://www.linkedin.com/in/{slug}")});
    let reply = event("1", "reply.received", "lead", &ago(5), data);
    told(&site, &reply, "stamped").await;
    let e = enrollment(&site, "lead").await;
    assert_eq!(
        (&e["source"], &e["backfill"]),
        (&json!("webhook"), &json!(true)),
        "{e}"
    );
}
