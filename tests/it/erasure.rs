//! Erasing a person by `DELETE /v1/enrollments/{id}`: no table keeps anything of the person, whatever state the deliveries were in
//! and whatever receivers answered, and no accept is announced a second time.

use acceptd::domain::delivery::DeliveryState;
use acceptd::store::Settlement;
use serde_json::json;

use crate::evidence_support::{
    ago, believing, enroll, enrollment, event, events, leads_to, message, profile_id, relation,
    sendpilot, unipile,
};
use crate::site_support::Site;

const MIRA: u64 = 731_204_558;
const OTHER: u64 = 741_904_806;

/// One destination for each state that a delivery can be in.
async fn site() -> Site {
    let destinations: String = DeliveryState::ALL
        .iter()
        .map(|state| format!("[[destination]]\nname = \"{state}\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n"))
        .collect();
    Site::start(&believing(&destinations)).await
}

/// Brings every delivery into the state that its destination is named after, with what a receiver said.
async fn settle(site: &Site, said: &'static str) {
    let now = site.clock.now();
    let settled = site.store.write(move |tx| {
        for state in DeliveryState::ALL {
            for claimed in tx.claim_deliveries(state.as_str(), false, &[], now, 500)? {
                let settlement = Settlement {
                    state: *state,
                    next_attempt_at: (*state == DeliveryState::Pending).then_some(now),
                    status: Some(500),
                    error: (*state != DeliveryState::Delivered).then(|| said.to_owned()),
                };
                tx.settle_delivery(claimed.id, &settlement, now)?;
            }
        }
        Ok(())
    });
    settled.await.expect("settled");
}

#[tokio::test]
async fn an_erased_person_is_gone_and_never_announced_again() {
    let site = site().await;
    let hook = "https://www.linkedin.com/in/mira-halvorsen";
    let row =
        json!([{"id": "enr", "accountId": "acc_1", "linkedinUrl": hook, "name": "Mira Halvorsen"}]);
    // Everything that leaves a trace: ignored, unmatched, stamped, a duplicate, an unknown event.
    let mut inmail = message("acc_1", MIRA, false, "Hi");
    inmail["message_type"] = json!("INMAIL");
    leads_to(&site, &inmail, "ignored").await;
    leads_to(
        &site,
        &relation("acc_2", MIRA, Some("mira-halvorsen")),
        "unmatched",
    )
    .await;
    enroll(&site, row.clone()).await;
    let v2 = json!({"id": "evt_1", "type": "relation.new", "account_id": "acc_1", "payload": {"user": {
        "id": profile_id(MIRA), "public_identifier": "mira-halvorsen", "display_name": "Mira Halvorsen"}}});
    leads_to(&site, &v2, "stamped").await;
    leads_to(&site, &v2, "duplicate").await;
    let told = |id: &str, kind: &str| event(id, kind, "enr", &ago(5), json!({"linkedinUrl": hook}));
    for (id, kind) in [
        ("e1", "message.sent"),
        ("e1", "message.sent"),
        ("e2", "lead.danced"),
    ] {
        assert_eq!(sendpilot(&site, &told(id, kind)).await.0, 200);
    }
    let key = events(&site, "linkedin.invite_accepted").await[0]["id"].clone();
    // The poller's marks are persons too.
    rusqlite::Connection::open(site.store.path())
        .and_then(|conn| {
            conn.execute(
                "INSERT OR REPLACE INTO account_poll (account_id, watermark, walk_cursor, walk_top) VALUES ('acc_1', ?1, 'c', ?1)",
                [profile_id(MIRA)],
            )
        })
        .expect("a row");
    let (status, _) = site.call("DELETE", "/v1/enrollments/enr", None).await;
    assert!((200..300).contains(&status), "{status}");

    let traces = everything(&site);
    for trace in [
        "mira-halvorsen",
        "Mira Halvorsen",
        &profile_id(MIRA),
        &MIRA.to_string(),
    ] {
        assert!(!traces.contains(trace), "{trace} is in {traces}");
    }
    assert!(traces.contains(key.as_str().expect("an id")));

    enroll(&site, row).await;
    assert_eq!(
        unipile(&site, &relation("acc_1", MIRA, Some("mira-halvorsen")))
            .await
            .1,
        "stamped"
    );
    assert!(!enrollment(&site, "enr").await["acceptedAt"].is_null());
    assert!(events(&site, "linkedin.invite_accepted").await.is_empty());
}

/// Every value of every table.
fn everything(site: &Site) -> String {
    let conn = rusqlite::Connection::open(site.store.path()).expect("the database");
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .and_then(|mut s| s.query_map([], |row| row.get(0))?.collect())
        .expect("tables");
    let mut values = String::new();
    for table in tables {
        let mut statement = conn
            .prepare(&format!("SELECT * FROM {table}"))
            .expect("a table");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..columns {
                let value: rusqlite::types::Value = row.get(column).expect("a value");
                values.push_str(&format!("{value:?}\n"));
            }
        }
    }
    values
}

#[tokio::test]
async fn no_delivery_keeps_what_was_said_of_the_person() {
    let site = site().await;
    let row = json!([{"id": "enr", "accountId": "acc_1", "providerId": profile_id(MIRA), "name": "Mira Halvorsen"}]);
    enroll(&site, row).await;
    leads_to(&site, &message("acc_1", MIRA, false, "Hi"), "stamped").await;
    settle(&site, "the receiver repeats: Mira Halvorsen").await;
    assert!(everything(&site).contains("repeats: Mira"));
    let (status, _) = site.call("DELETE", "/v1/enrollments/enr", None).await;
    assert_eq!(status, 204);
    let traces = everything(&site);
    assert!(!traces.contains("Mira"), "{traces}");
    let (_, all) = site.get("/v1/deliveries?limit=500").await;
    let all = all["items"].as_array().expect("items");
    assert_eq!(all.len(), 2 * DeliveryState::ALL.len());
    for d in all {
        let delivered = d["destination"] == "delivered";
        assert_eq!(d["state"], if delivered { "delivered" } else { "dead" });
        let path = format!("/v1/deliveries/{}/replay", d["id"].as_str().expect("an id"));
        assert_eq!(site.post(&path, json!({})).await.0, 409);
    }
    let (_, replayed) = site
        .post("/v1/deliveries/replay", json!({"state": "dead"}))
        .await;
    assert_eq!(replayed["replayed"], 0);
}

#[tokio::test]
async fn who_is_known_by_another_id_only_through_a_signal_goes_too() {
    let site = site().await;
    let mut inmail = message("acc_1", OTHER, false, "Hi");
    inmail["message_type"] = json!("INMAIL");
    leads_to(&site, &inmail, "ignored").await;
    let url = "https://www.linkedin.com/in/grace-h";
    enroll(
        &site,
        json!([{"id": "enr", "accountId": "acc_1", "linkedinUrl": url}]),
    )
    .await;
    let stamp = json!({"reason": "seen"});
    assert_eq!(site.post("/v1/enrollments/enr/stamp", stamp).await.0, 200);
    leads_to(
        &site,
        &relation("acc_1", OTHER, Some("grace-h")),
        "already_stamped",
    )
    .await;
    site.call("DELETE", "/v1/enrollments/enr", None).await;
    let traces = everything(&site);
    for trace in ["grace-h", &profile_id(OTHER), &OTHER.to_string()] {
        assert!(!traces.contains(trace), "{trace} is in {traces}");
    }
}

#[tokio::test]
async fn an_enrollment_that_moves_shows_nothing_of_its_former_person() {
    let site = site().await;
    let url = |slug: &str| format!("https://www.linkedin.com/in/{slug}");
    let row = |id: &str, slug: &str| json!([{"id": id, "accountId": "acc_1", "linkedinUrl": url(slug), "invitedAt": ago(600)}]);
    enroll(&site, row("moves", "mira-halvorsen")).await;
    let mira = profile_id(MIRA);
    for (status, response) in [
        (201, json!({"invitation_id": "7"})),
        (422, json!({"type": "errors/cannot_resend_yet"})),
    ] {
        let result = json!({"enrollmentId": "moves", "providerId": mira, "at": ago(600), "httpStatus": status,
            "response": response});
        assert_eq!(site.post("/v1/invite-results", result).await.0, 200);
    }
    let told = event(
        "e1",
        "connection.sent",
        "moves",
        &ago(600),
        json!({"linkedinUrl": url("mira-halvorsen")}),
    );
    assert_eq!(sendpilot(&site, &told).await.0, 200);
    // That its invite stayed open was announced, and the event names the person.
    let change = json!({"notAcceptedAfter": "1h"});
    assert_eq!(
        site.call("PATCH", "/v1/campaigns/unassigned", Some(change))
            .await
            .0,
        200
    );
    let open = site
        .reconciler
        .run(|routine| routine.report_open_invites(10));
    open.await.expect("reported");
    assert_eq!(events(&site, "linkedin.invite_not_accepted").await.len(), 1);
    // Evidence about the first person waits on: that person may be enrolled again.
    leads_to(
        &site,
        &relation("acc_2", MIRA, Some("mira-halvorsen")),
        "unmatched",
    )
    .await;

    enroll(&site, row("moves", "grace-h")).await;
    let (_, shown) = site.get("/v1/enrollments/moves?raw=true").await;
    for trace in ["mira-halvorsen", &mira, &MIRA.to_string()] {
        assert!(!shown.to_string().contains(trace), "{trace} is in {shown}");
    }
    // What was announced is a fact, until the person that it names is erased.
    assert_eq!(events(&site, "linkedin.invite_not_accepted").await.len(), 1);
    // Erasing the first person through an enrollment of its own leaves nothing behind under the second.
    enroll(&site, row("first", "mira-halvorsen")).await;
    assert_eq!(
        site.call("DELETE", "/v1/enrollments/first", None).await.0,
        204
    );
    let traces = everything(&site);
    for trace in ["mira-halvorsen", &mira, &MIRA.to_string()] {
        assert!(!traces.contains(trace), "{trace} is in {traces}");
    }
    assert!(traces.contains("grace-h"));
    assert!(
        events(&site, "linkedin.invite_not_accepted")
            .await
            .is_empty()
    );
    let (_, waiting) = site.get("/v1/deliveries?state=pending").await;
    assert_eq!(waiting["items"], json!([]));
}

/// Of one person, a row names the public identifier and the id, another the id only, and the enrollment the identifier only.
#[tokio::test]
async fn erasure_reaches_ids_known_only_by_a_waiting_signal() {
    let site = site().await;
    for account in ["acc_2", "acc_3"] {
        let slug = (account == "acc_2").then_some("grace-h");
        leads_to(&site, &relation(account, OTHER, slug), "unmatched").await;
    }
    // A namesake with another number is somebody else.
    leads_to(
        &site,
        &relation("acc_4", MIRA, Some("grace-h")),
        "unmatched",
    )
    .await;
    let url = "https://www.linkedin.com/in/grace-h";
    let row = |id: &str| json!([{"id": id, "accountId": "acc_1", "linkedinUrl": url}]);
    enroll(&site, row("enr")).await;
    // What led to something for another enrollment of the person stays with that one.
    leads_to(&site, &relation("acc_1", OTHER, Some("grace-h")), "stamped").await;
    enroll(&site, row("other")).await;
    site.call("DELETE", "/v1/enrollments/enr", None).await;
    let (_, left) = site.get("/v1/signals").await;
    let accounts: Vec<_> = left["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|s| &s["accountId"])
        .collect();
    assert_eq!(accounts, ["acc_1", "acc_4"], "{left}");
    assert_eq!(
        enrollment(&site, "other").await["signals"][0]["outcome"],
        "stamped"
    );
}
