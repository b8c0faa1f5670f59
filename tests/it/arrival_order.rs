//! Evidence is tried again for every enrollment that is created later. The order in which enrollments and signals arrive does not
//! matter for the account's own enrollments, and a signal stamps at most one sibling account.

use acceptd::domain::ids::AccountId;
use acceptd::store::migrate::MIGRATIONS;
use serde_json::{Value, json};

use crate::evidence_support::{
    ago, believing, enroll, enrollment, event, events, invite, leads_to, message, profile_id,
    relation, site, told,
};
use crate::site_support::Site;

const MIRA: u64 = 731_204_558;

/// An enrollment of the person by an account.
fn row(id: &str, account: &str, number: u64) -> Value {
    json!({"id": id, "accountId": account, "campaignId": format!("camp-{id}"), "providerId": profile_id(number)})
}

/// The accounts `a`, `b` and `c` in one workspace.
async fn site_with_siblings() -> Site {
    let siblings: String = ["a", "b", "c"]
        .iter()
        .map(|id| format!("[[account]]\nid = \"{id}\"\nworkspace_id = \"ws\"\n"))
        .collect();
    Site::start(&believing(&siblings)).await
}

/// The ids of the enrollments that the only signal with this outcome names, in order.
async fn named_by(site: &Site, outcome: &str) -> Vec<String> {
    let (_, page) = site.get(&format!("/v1/signals?outcome={outcome}")).await;
    let items = page["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{page}");
    let enrollments = items[0]["enrollments"].as_array().expect("enrollments");
    enrollments
        .iter()
        .map(|e| e["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn is_accepted(site: &Site, id: &str) -> bool {
    !enrollment(site, id).await["acceptedAt"].is_null()
}

#[tokio::test]
async fn a_signal_stamps_enrollments_created_one_by_one() {
    let site = site().await;
    let body = relation("acc_1", MIRA, Some("mira-halvorsen"));
    leads_to(&site, &body, "unmatched").await;
    enroll(&site, row("one", "acc_1", MIRA)).await;
    // This one is known by its public identifier only.
    let url = "https://www.linkedin.com/in/mira-halvorsen";
    enroll(
        &site,
        json!({"id": "two", "accountId": "acc_1", "linkedinUrl": url}),
    )
    .await;
    for (id, path) in [("one", "direct"), ("two", "profile")] {
        let e = enrollment(&site, id).await;
        assert_eq!(
            (&e["source"], &e["path"]),
            (&json!("webhook"), &json!(path)),
            "{id}"
        );
        assert_eq!(e["signals"].as_array().map(Vec::len), Some(1), "{e}");
    }
    assert_eq!(named_by(&site, "stamped").await, ["one", "two"]);
    // A third is created after its signal stamped others as it came in.
    enroll(&site, row("three", "acc_1", MIRA)).await;
    assert_eq!(named_by(&site, "stamped").await, ["one", "two", "three"]);
    assert_eq!(events(&site, "linkedin.invite_accepted").await.len(), 3);
    // The same rows again change nothing.
    enroll(&site, row("one", "acc_1", MIRA)).await;
    assert_eq!(events(&site, "linkedin.invite_accepted").await.len(), 3);
}

#[tokio::test]
async fn a_reply_and_an_echo_that_stamped_one_stamp_a_later_one() {
    let site = site().await;
    enroll(&site, row("one", "acc_1", 2601)).await;
    leads_to(&site, &message("acc_1", 2601, false, "Thanks!"), "stamped").await;
    leads_to(
        &site,
        &message("acc_1", 2601, false, "And?"),
        "already_stamped",
    )
    .await;
    enroll(&site, row("two", "acc_1", 2601)).await;
    let e = enrollment(&site, "two").await;
    assert_eq!(
        (&e["source"], &e["status"], &e["preConnected"]),
        (&json!("reply"), &json!("REPLY_RECEIVED"), &json!(true)),
        "{e}"
    );
    assert_eq!(events(&site, "linkedin.reply_received").await.len(), 2);

    let mut noted = row("noted", "acc_1", 2602);
    noted["note"] = json!("Hi Mira");
    enroll(&site, noted).await;
    leads_to(&site, &message("acc_1", 2602, true, "Hi Mira"), "stamped").await;
    enroll(&site, row("beside", "acc_1", 2602)).await;
    let e = enrollment(&site, "beside").await;
    assert_eq!(
        (&e["source"], &e["repliedAt"]),
        (&json!("note_echo"), &Value::Null),
        "{e}"
    );
}

#[tokio::test]
async fn an_earlier_sibling_does_not_take_the_accounts_accept() {
    let site = site_with_siblings().await;
    leads_to(&site, &relation("a", MIRA, None), "unmatched").await;
    enroll(&site, row("sibling", "b", MIRA)).await;
    enroll(&site, row("further", "c", MIRA)).await;
    enroll(&site, row("own", "a", MIRA)).await;
    enroll(&site, row("own-too", "a", MIRA)).await;
    enroll(&site, row("sibling-later", "b", MIRA)).await;
    for (id, accepted, via_sibling) in [
        ("sibling", true, true),
        ("further", false, false),
        ("own", true, false),
        ("own-too", true, false),
        ("sibling-later", false, false),
    ] {
        let e = enrollment(&site, id).await;
        assert_eq!(!e["acceptedAt"].is_null(), accepted, "{id}");
        assert_eq!(e["viaSibling"], json!(via_sibling), "{id}");
    }
    assert_eq!(
        named_by(&site, "stamped").await,
        ["sibling", "own", "own-too"]
    );
}

#[tokio::test]
async fn an_ambiguous_signal_goes_to_its_own_account_later() {
    let site = site_with_siblings().await;
    enroll(&site, json!([row("b", "b", MIRA), row("c", "c", MIRA)])).await;
    leads_to(&site, &relation("a", MIRA, None), "ambiguous").await;
    enroll(&site, row("own", "a", MIRA)).await;
    assert_eq!(named_by(&site, "stamped").await, ["own"]);
    for id in ["b", "c"] {
        assert!(!is_accepted(&site, id).await, "{id}");
    }
}

/// The sibling that was stamped is none any more when another is enrolled.
#[tokio::test]
async fn a_reload_does_not_let_a_signal_stamp_a_second_sibling() {
    let site = site_with_siblings().await;
    leads_to(&site, &relation("a", MIRA, None), "unmatched").await;
    enroll(&site, row("b", "b", MIRA)).await;
    let mut policy = (*site.reconciler.policy()).clone();
    let entries = ["a", "c"].map(|id| {
        let account = AccountId::parse(id).expect("an id");
        let entry = policy.accounts.get(&account).expect("an entry").clone();
        (account, entry)
    });
    policy.accounts = entries.into_iter().collect();
    site.reconciler.set_policy(policy);
    enroll(&site, row("c", "c", MIRA)).await;
    assert_eq!(named_by(&site, "stamped").await, ["b"]);
    assert!(!is_accepted(&site, "c").await);
}

#[tokio::test]
async fn an_enrollment_that_changes_person_finds_its_evidence() {
    let site = site().await;
    let first = row("first", "acc_1", 2701);
    enroll(&site, first).await;
    leads_to(&site, &relation("acc_1", 2701, None), "stamped").await;
    enroll(&site, row("moves", "acc_1", 2702)).await;
    enroll(&site, row("moves", "acc_1", 2701)).await;
    assert!(is_accepted(&site, "moves").await);
    // What is tried again for the one is not tried for the other.
    enroll(&site, row("stranger", "acc_1", 2702)).await;
    assert!(!is_accepted(&site, "stranger").await);
}

#[tokio::test]
async fn a_note_echo_waits_for_a_note_that_becomes_known_later() {
    let site = site().await;
    let numbers = [2801, 2802, 2803, 2804];
    for (id, n) in ["upsert", "result", "sent", "never"].iter().zip(numbers) {
        enroll(&site, row(id, "acc_1", n)).await;
        leads_to(&site, &message("acc_1", n, true, "Hi Mira"), "ignored").await;
    }
    let (_, listed) = site.get("/v1/signals?raw=true").await;
    for secret in ["Hi Mira", "Halvorsen"] {
        assert!(!listed.to_string().contains(secret), "{listed}");
    }
    enroll(&site, json!({"id": "upsert", "note": "Hi  Mira"})).await;
    let result = invite("result", None, Some("Hi Mira"));
    assert_eq!(site.post("/v1/invite-results", result).await.0, 200);
    let data = json!({"note": "Hi Mira"});
    told(
        &site,
        &event("1", "connection.sent", "sent", &ago(600), data),
        "recorded",
    )
    .await;
    enroll(&site, json!({"id": "never", "note": "Hi John"})).await;
    for id in ["upsert", "result", "sent"] {
        let e = enrollment(&site, id).await;
        assert_eq!(
            (&e["source"], &e["acceptedAtPrecision"], &e["repliedAt"]),
            (&json!("note_echo"), &json!("upper_bound"), &Value::Null),
            "{id}"
        );
    }
    assert!(!is_accepted(&site, "never").await);
}

#[tokio::test]
async fn a_later_note_stamps_what_its_echo_would_have_stamped() {
    let site = site().await;
    enroll(&site, row("beside", "acc_1", 2901)).await;
    leads_to(&site, &message("acc_1", 2901, true, "Hi Mira"), "ignored").await;
    let mut noted = row("noted", "acc_1", 2901);
    noted["note"] = json!("Hi Mira");
    enroll(&site, noted).await;
    for id in ["beside", "noted"] {
        assert_eq!(enrollment(&site, id).await["source"], "note_echo", "{id}");
    }
}

#[tokio::test]
async fn an_erased_persons_evidence_does_not_wait() {
    let site = site().await;
    enroll(&site, row("enr", "acc_1", MIRA)).await;
    leads_to(&site, &relation("acc_1", MIRA, None), "stamped").await;
    leads_to(&site, &relation("acc_2", MIRA, None), "unmatched").await;
    assert_eq!(
        site.call("DELETE", "/v1/enrollments/enr", None).await.0,
        204
    );
    enroll(
        &site,
        json!([row("enr", "acc_1", MIRA), row("two", "acc_2", MIRA)]),
    )
    .await;
    for id in ["enr", "two"] {
        assert!(!is_accepted(&site, id).await, "{id}");
    }
}

/// The first version kept evidence of signals that matched nobody, and had no keys.
#[tokio::test]
async fn old_evidence_is_tried_and_unreadable_evidence_skipped() {
    const FIRST_VERSION: usize = 5;
    let now = acceptd::clock::Clock::system().now().0;
    let kept = include_str!("../data/evidence_v1.json");
    let unreadable = r#"{"person": {}, "claim": {"precision": "a_word_of_the_future"}}"#;
    let site = Site::over(&believing(""), |path| {
        let conn = rusqlite::Connection::open(path).expect("a new file");
        for sql in &MIGRATIONS[..FIRST_VERSION] {
            conn.execute_batch(sql).expect("the schema of then");
        }
        conn.pragma_update(None, "user_version", 5)
            .expect("a pragma");
        for (outcome, evidence) in [("unmatched", unreadable), ("unmatched", kept)] {
            conn.execute(
                "INSERT INTO signals (received_at, source, account_id, outcome, reason, provider_id, number, evidence, raw)
                 VALUES (?1, 'reply', 'acc_1', ?2, 'Nobody.', ?3, ?4, ?5, '{}')",
                rusqlite::params![now - 60_000, outcome, profile_id(MIRA), MIRA.cast_signed(), evidence],
            )
            .expect("a row of then");
        }
    })
    .await;
    // Of two rows of one request each finds it.
    enroll(
        &site,
        json!([row("one", "acc_1", MIRA), row("two", "acc_1", MIRA)]),
    )
    .await;
    for id in ["one", "two"] {
        let e = enrollment(&site, id).await;
        assert_eq!(
            (&e["source"], &e["status"]),
            (&json!("reply"), &json!("REPLY_RECEIVED")),
            "{id}"
        );
    }
    assert_eq!(named_by(&site, "stamped").await, ["one", "two"]);
}
