//! Bulk work on deliveries goes in small steps, goes on after `kill -9`, and delays nothing else.

use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::sim::receiver::Receiver;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use rusqlite::Connection;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::process::Process;
use crate::site_support::{Site, TOKEN, client};

/// How many deliveries there are in bulk.
const MANY: usize = 20_000;
/// How long a test waits for bulk work to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// One destination that takes everything, and `old`, which is there only with `with_old`.
fn settings(receiver: &Receiver, with_old: bool) -> String {
    let live = format!(
        "[[destination]]\nname = \"live\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        receiver.url("/live")
    );
    let old = format!(
        "[[destination]]\nname = \"old\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        receiver.url("/old")
    );
    live + if with_old { &old } else { "" }
}

/// A daemon whose database has [`MANY`] deliveries to `old` in this state, and three of erased persons. `old` is stopped, so that what is
/// pending stays so.
fn with_backlog(receiver: &Receiver, state: &str, next_attempt_at: &str) -> (Process, Connection) {
    // Its events are written by SQL, without their deliveries.
    let mut process = Process::new(&settings(receiver, true)).breaks_invariants_on_purpose();
    process.start(&[], &[]);
    process.stop();
    let conn = Connection::open(process.dir.path().join("acceptd.db")).expect("the database");
    conn.execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {all})
         INSERT INTO events (id, dedupe_key, type, created_at, body)
           SELECT printf('evt_%036d', i), printf('li-accept:a:%d', i), 'linkedin.invite_accepted', 1,
             CASE WHEN i <= {MANY} THEN '{{}}' END FROM n;
         INSERT INTO deliveries (event_id, destination, state, attempts, next_attempt_at, created_at)
           SELECT id, 'old', '{state}', 10, {next_attempt_at}, 1 FROM events WHERE dedupe_key LIKE 'li-accept:a:%';
         UPDATE destinations SET stopped_at = 1, stopped_reason = '410 Gone' WHERE name = 'old';",
        all = MANY + 3,
    ))
    .expect("a backlog");
    (process, conn)
}

fn count(conn: &Connection, state: &str) -> usize {
    let sql = "SELECT count(*) FROM deliveries WHERE destination = 'old' AND state = ?1";
    conn.query_row(sql, [state], |row| row.get::<_, i64>(0))
        .expect("a count")
        .unsigned_abs() as usize
}

/// Waits until so many deliveries to `old` have left this state. Returns how many are in it then.
async fn until_left(conn: &Connection, state: &str, left: usize) -> usize {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = count(conn, state);
        if now <= left {
            return now;
        }
        assert!(Instant::now() < until, "{now} are still {state}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn post(process: &Process, path: &str, body: Value) -> Value {
    let ask = client().post(process.url(path)).body(body.to_string());
    let answer = ask.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// Enrolls and stamps somebody, and waits until that was delivered to `live`. Returns how long it took from the stamp.
async fn accept(process: &Process, receiver: &Receiver, id: &str) -> Duration {
    let row =
        json!([{"id": id, "accountId": "acc_1", "linkedinUrl": format!("linkedin.com/in/{id}")}]);
    post(process, "/v1/enrollments", row).await;
    let begun = Instant::now();
    let stamp = format!("/v1/enrollments/{id}/stamp");
    post(process, &stamp, json!({"reason": "said so"})).await;
    let arrived = || {
        let mut got = receiver.received_at("/live").into_iter();
        got.any(|r| r.json()["data"]["enrollmentId"] == id)
    };
    while !arrived() {
        assert!(begun.elapsed() < PATIENCE, "{id} is not delivered");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_replay_goes_in_steps_and_goes_on_after_kill_9() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let (mut process, conn) = with_backlog(&receiver, "dead", "NULL");
    process.start(&[], &[]);
    let answer = post(&process, "/v1/deliveries/replay", json!({"state": "dead"})).await;
    assert_eq!(answer, json!({"replayed": MANY}));
    // Those of erased persons stay; everything else is left to do, but for what was done before the answer.
    let left = count(&conn, "dead");
    assert!(left > MANY / 2, "{left} are left: that was one write");
    let took = accept(&process, &receiver, "meanwhile").await;
    assert!(count(&conn, "dead") > 3, "it was finished before");
    println!("an accept beside a bulk replay was delivered after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");

    process.signal("KILL");
    process.wait();
    let killed = count(&conn, "dead");
    assert!(killed > 3, "it was finished before");
    // Dead only after the request, so no part of it.
    conn.execute(
        "UPDATE deliveries SET state_since = unixepoch('subsec') * 1000 WHERE id = (SELECT max(id) FROM deliveries
         WHERE state = 'dead' AND destination = 'old') - 3",
        [],
    )
    .expect("a change");
    process.start(&[], &[]);
    until_left(&conn, "dead", 4).await;
    process.wait_for_log("bulk replay finished");
    assert_eq!(count(&conn, "dead"), 4);
    let jobs: i64 = conn
        .query_row("SELECT count(*) FROM bulk_replays", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(jobs, 0);
    let attempts: i64 = conn
        .query_row(
            "SELECT max(attempts) FROM deliveries WHERE state = 'pending'",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(attempts, 0, "a replay starts the schedule anew");
}

/// The client hangs up as soon as it has asked: nobody waits for the answer any more.
#[tokio::test]
async fn a_bulk_replay_goes_on_without_its_client() {
    let site = Site::start(&format!(
        "[server]\nadmin_token = \"{TOKEN}\"\n[[destination]]\nname = \"crm\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n"
    ))
    .await;
    let conn = Connection::open(site.store.path()).expect("the database");
    conn.execute_batch(
        "INSERT INTO events (id, dedupe_key, type, created_at, body) VALUES
           ('evt_11111111-1111-5111-8111-111111111111', 'li-accept:a:b', 'linkedin.invite_accepted', 1, '{}');
         INSERT INTO deliveries (event_id, destination, state, created_at) SELECT id, 'crm', 'dead', 1 FROM events;",
    )
    .expect("a dead letter");
    let request = Request::post("/v1/deliveries/replay")
        .header("host", "127.0.0.1")
        .header("authorization", format!("Bearer {TOKEN}"))
        .extension(ConnectInfo(site.address))
        .body(Body::from(json!({"state": "dead"}).to_string()))
        .expect("a request");
    let asked = tokio::select! {
        biased;
        answer = site.router.clone().oneshot(request) => Some(answer),
        () = std::future::ready(()) => None,
    };
    assert!(asked.is_none(), "it was answered before the client hung up");
    let mut commits = site.store.commits();
    let replayed = async {
        let sql = "SELECT count(*) FROM deliveries WHERE state = 'pending'";
        while conn.query_row(sql, [], |row| row.get::<_, i64>(0)) != Ok(1) {
            commits.changed().await.expect("a store");
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), replayed).await;
    assert!(waited.is_ok(), "the replay went with its client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holding_deliveries_goes_in_steps_and_survives_a_kill() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let (mut process, conn) = with_backlog(&receiver, "pending", "1");
    process.start(&[], &[]);
    process.configure(&settings(&receiver, false));
    process.signal("HUP");
    until_left(&conn, "pending", MANY).await;
    let took = accept(&process, &receiver, "meanwhile").await;
    println!("an accept beside a bulk hold was delivered after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    process.signal("KILL");
    process.wait();
    let killed = count(&conn, "pending");
    assert!(killed > 0, "that was one write");
    process.start(&[], &[]);
    until_left(&conn, "pending", 0).await;
    assert_eq!(count(&conn, "held"), MANY + 3);
}
