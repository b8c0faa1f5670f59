//! What wakes which worker, and a stopped destination with a backlog.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::{self, Delivered, Pending};
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::{Receiver, Reply};
use acceptd::store::{Error, NoObserver, Store};
use acceptd::tell::DestinationKind;
use rusqlite::Connection;

use crate::tell_support::{Outbox, START, destination};

/// How many deliveries wait for a stopped destination.
const BACKLOG: usize = 30_000;

#[tokio::test]
async fn a_commit_names_the_destinations_that_have_something_to_send() {
    let outbox = Outbox::new(Clock::by_hand(START));
    let names = async || {
        let news = outbox.store.outbox_news();
        match tokio::time::timeout(Duration::from_millis(200), news).await {
            Ok(news) => news.destinations.into_iter().collect::<Vec<_>>().join(" "),
            Err(_) => "none".to_owned(),
        }
    };
    let event = outbox.accept("enr_1", &["a", "c"]).await;
    assert_eq!(names().await, "a c");
    outbox.accept("enr_1", &["a", "b", "c"]).await;
    assert_eq!(names().await, "none", "the event is there already");
    let undone: Result<(), Error> = outbox
        .store
        .write(|tx| {
            tx.start_destination("b")?;
            Err(Error::not_found("thing", "x"))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(names().await, "none", "it was rolled back");
    let id = outbox.delivery(&event, "c").await.id;
    let replayed = outbox.store.write(move |tx| tx.replay_delivery(id, START));
    replayed.await.expect("replayed");
    assert_eq!(names().await, "c");
    let started = outbox.store.write(|tx| tx.start_destination("b")).await;
    assert!(!started.expect("written"));
    assert_eq!(names().await, "b");
    outbox.test("a").await;
    assert_eq!(names().await, "a");
}

/// A backlog of a stopped destination costs nothing: neither its own tests nor other destinations wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backlog_of_a_stopped_destination_slows_nobody() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    receiver.answer("/gone", Reply::status(410, ""));
    let mut outbox = Outbox::new(Clock::system());
    let conn = Connection::open(outbox.store.path()).expect("the database");
    conn.execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {BACKLOG})
         INSERT INTO events (id, dedupe_key, type, created_at, body)
           SELECT printf('evt_%036d', i), printf('li-accept:a:%d', i), 'linkedin.invite_accepted', 1, '{{}}' FROM n;
         INSERT INTO deliveries (event_id, destination, next_attempt_at, created_at) SELECT id, 'gone', 1, 1 FROM events;"
    ))
    .expect("a backlog");
    let gone = destination("gone", DestinationKind::Webhook, &receiver.url("/gone"));
    let print = gone.url.fingerprint();
    outbox
        .store
        .write(move |tx| tx.stop_destination("gone", &print, "410", Timestamp(1)))
        .await
        .expect("stopped");
    let good = destination("good", DestinationKind::Webhook, &receiver.url("/good"));
    outbox.start(vec![gone, good]);
    let begun = Instant::now();
    for n in 0..100 {
        let event = outbox.accept(&format!("enr_{n}"), &["gone", "good"]).await;
        outbox.until_state(&event, "good", Delivered).await;
    }
    let took = begun.elapsed();
    println!("100 deliveries beside a stopped backlog of {BACKLOG}: {took:?}");
    assert_eq!(receiver.received_at("/gone").len(), 0);
    let test = outbox.test("gone").await;
    outbox.until_tried(&test, "gone", 1).await;
    assert_eq!(receiver.received_at("/gone").len(), 1, "the test alone");
    let row = outbox.delivery(&test, "gone").await;
    assert_eq!((row.state, row.last_status), (Pending, Some(410)));
}

/// Tests that an older version made are known as tests.
#[tokio::test]
async fn a_test_from_before_the_migration_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("acceptd.db");
    let conn = Connection::open(&path).expect("a file");
    for migration in &acceptd::store::migrate::MIGRATIONS[..7] {
        conn.execute_batch(migration).expect("it runs");
    }
    conn.execute_batch(
        "PRAGMA user_version = 7;
         INSERT INTO events (id, dedupe_key, type, created_at, body) VALUES
           ('evt_11111111-1111-5111-8111-111111111111', 'webhook-test:1', 'webhook.test', 1, '{}'),
           ('evt_22222222-2222-5222-8222-222222222222', 'li-accept:a:b', 'linkedin.invite_accepted', 1, '{}');
         INSERT INTO deliveries (event_id, destination, next_attempt_at, created_at) SELECT id, 'crm', seq, 1 FROM events;",
    )
    .expect("rows");
    let store = Store::open(&path, Arc::new(NoObserver)).expect("migrated");
    let (due, waiting) = store
        .read(|r| {
            Ok((
                r.next_delivery_due("crm", true)?,
                r.destinations_with(DeliveryState::Pending)?,
            ))
        })
        .await
        .expect("read");
    assert_eq!(due, Some(Timestamp(1)));
    assert_eq!(waiting, ["crm"]);
    let claimed = store
        .write(|tx| tx.claim_deliveries("crm", true, &[], Timestamp(9), 9))
        .await
        .expect("claimed");
    let ids: BTreeSet<&str> = claimed.iter().map(|c| c.event_id.as_str()).collect();
    assert_eq!(
        ids,
        BTreeSet::from(["evt_11111111-1111-5111-8111-111111111111"])
    );
}
