//! Pruning deletes old rows of finished business. It keeps what is open, what waits for a person, and what must never be accepted
//! twice.

use std::sync::Arc;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::daemon::housekeeping::{Pruned, prune};
use acceptd::domain::signal::Outcome;
use acceptd::domain::time::Timestamp;
use acceptd::intake::unipile;
use acceptd::store::{NoObserver, Store};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::evidence_support::{profile_id, relation};
use crate::site_support::Site;

const DAY_MS: i64 = 86_400_000;
const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// One row each, old (day 100) unless its name says otherwise.
const ROWS: &str = "
INSERT INTO accounts (id, provider, created_at) VALUES ('a', 'unipile', 1);
INSERT INTO campaigns (id, created_at) VALUES ('c', 1);
INSERT INTO events (id, dedupe_key, type, created_at, body) VALUES
  ('evt_11111111-1111-5111-8111-111111111111', 'li-accept:a:done', 'linkedin.invite_accepted', 1, '{}');
INSERT INTO enrollments (id, account_id, campaign_id, status, accepted_at, accepted_precision, detected_at, source, accept_key, created_at)
  VALUES ('done', 'a', 'c', 'CONNECTION_ACCEPTED', 1, 'exact', 1, 'poll', 'li-accept:a:done', 1);
INSERT INTO enrollments (id, account_id, campaign_id, status, created_at) VALUES ('open', 'a', 'c', 'PENDING', 1);
INSERT INTO signals (id, received_at, source, outcome, reason, raw) VALUES
  (1, :old, 'webhook', 'stamped', 'of a finished one', '{}'),
  (2, :old, 'webhook', 'unmatched', '', '{}'),
  (3, :old, 'webhook', 'recorded', 'of an open one', '{}'),
  (4, :old, 'webhook', 'unmatched', 'of an open one', '{}'),
  (5, :new, 'webhook', 'unmatched', '', '{}'),
  (6, :new, 'webhook', 'stamped', 'of a finished one', '{}');
INSERT INTO signal_enrollments (signal_id, enrollment_id) VALUES (1, 'done'), (3, 'open'), (4, 'open'), (6, 'done');
INSERT INTO provider_events VALUES ('sendpilot', 't', 's', 'e');
INSERT INTO deliveries (id, event_id, destination, state, created_at, delivered_at) VALUES
  (1, 'evt_11111111-1111-5111-8111-111111111111', 'delivered-old', 'delivered', :old, :old),
  (2, 'evt_11111111-1111-5111-8111-111111111111', 'dead-old', 'dead', :old, NULL),
  (3, 'evt_11111111-1111-5111-8111-111111111111', 'delivered-lately', 'delivered', :old, :new);
INSERT INTO changes (at, kind, body) VALUES (:old, 'stamp', '{}'), (:new, 'stamp', '{}');";

fn ids(conn: &Connection, query: &str) -> Vec<i64> {
    let mut rows = conn.prepare(query).expect("a query");
    let ids = rows.query_map([], |row| row.get(0)).expect("rows");
    ids.map(|id| id.expect("an id")).collect()
}

#[tokio::test]
async fn only_what_is_over_and_old_goes() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("acceptd.db");
    let store = Store::open(&path, Arc::new(NoObserver)).expect("a new database");
    let conn = Connection::open(&path).expect("the file");
    let rows = ROWS
        .replace(":old", &(NOW.0 - 100 * DAY_MS).to_string())
        .replace(":new", &(NOW.0 - 60_000).to_string());
    conn.execute_batch(&rows).expect("the rows fit");

    let gone = prune(&store, NOW, Duration::from_secs(90 * 86_400))
        .await
        .expect("pruned");

    let expected = Pruned {
        signals: 3,
        deliveries: 1,
        changes: 1,
        audit: 0,
    };
    assert_eq!(gone, expected);
    assert_eq!(ids(&conn, "SELECT id FROM signals"), [3, 5, 6]);
    assert_eq!(ids(&conn, "SELECT id FROM deliveries"), [2, 3]);
    assert_eq!(ids(&conn, "SELECT count(*) FROM provider_events"), [1]);
    assert_eq!(ids(&conn, "SELECT count(*) FROM events"), [1]);
}

/// Thirty thousand old rows go while others write, and no write waits long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_waits_long_for_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("acceptd.db");
    let store = Store::open(&path, Arc::new(NoObserver)).expect("a new database");
    let conn = Connection::open(&path).expect("the file");
    conn.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
         INSERT INTO signals (received_at, source, outcome, reason, raw) SELECT i, 'webhook', 'ignored', '', '{}' FROM n",
    )
    .expect("many rows");

    let pruning = tokio::spawn({
        let store = store.clone();
        async move { prune(&store, NOW, Duration::from_secs(86_400)).await }
    });
    let mut slowest = Duration::ZERO;
    while !pruning.is_finished() {
        let started = std::time::Instant::now();
        store.write(|tx| tx.probe(NOW)).await.expect("a write");
        slowest = slowest.max(started.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let gone = pruning.await.expect("no panic").expect("pruned");
    assert_eq!(gone.signals, 30_000);
    assert!(
        slowest < Duration::from_secs(1),
        "a write waited {slowest:?}"
    );
}

/// Evidence may still stamp an enrollment that is created within seven days, however short the ledger is kept otherwise.
#[tokio::test]
async fn evidence_that_waits_outlives_a_short_retention() {
    const DAY: Duration = Duration::from_secs(86_400);
    let site = Site::on_clock(Clock::by_hand(NOW)).await;
    for n in [1, 2] {
        assert_eq!(apply_relation(&site, n).await, Outcome::Unmatched);
    }
    // Not evidence: it goes as the configuration says.
    let nothing = json!({"event": "new_relation", "account_id": "acc_1", "account_type": "INSTAGRAM", "user_provider_id": profile_id(3)});
    assert_eq!(apply_body(&site, &nothing).await, Outcome::Ignored);
    let enroll = async |n: u64| {
        let row = json!({"id": format!("{n}"), "accountId": "acc_1", "providerId": profile_id(n)});
        assert_eq!(site.post("/v1/enrollments", row).await.0, 200);
        let (_, e) = site.get(&format!("/v1/enrollments/{n}")).await;
        !e["acceptedAt"].is_null()
    };

    site.clock.advance(6 * DAY);
    let gone = prune(&site.store, site.clock.now(), DAY)
        .await
        .expect("pruned");
    assert_eq!(gone.signals, 1);
    assert!(enroll(1).await);
    // What stamped somebody waits for others too.
    site.clock.advance(DAY / 2);
    prune(&site.store, site.clock.now(), DAY)
        .await
        .expect("pruned");
    let (_, page) = site.get("/v1/signals?outcome=stamped").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");

    site.clock.advance(DAY);
    let gone = prune(&site.store, site.clock.now(), DAY)
        .await
        .expect("pruned");
    assert_eq!(gone.signals, 2);
    assert!(!enroll(2).await);
    let conn = Connection::open(site.store.path()).expect("the file");
    assert_eq!(ids(&conn, "SELECT count(*) FROM signal_keys"), [0]);
}

async fn apply_relation(site: &Site, n: u64) -> Outcome {
    apply_body(site, &relation("acc_1", n, None)).await
}

async fn apply_body(site: &Site, body: &Value) -> Outcome {
    let key = site.reconciler.note_key();
    let body = body.to_string();
    let event = unipile::parse(body.as_bytes(), site.clock.now(), false, key).expect("a body");
    let outcome = site
        .reconciler
        .run(move |routine| unipile::apply(routine, &event))
        .await;
    outcome.expect("stored")
}
