//! SIGKILL at any moment under load: no acknowledged request is lost, no accept has two event ids, and deliveries that were in
//! flight go on within two seconds of the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::sim::receiver::{Receiver, Reply};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::evidence_support::{SECRET, profile_id, relation};
use crate::process::Process;
use crate::site_support::{TOKEN, client};

/// How often the daemon is killed.
const KILLS: u64 = 24;
/// How many connections load it.
const CONNECTIONS: usize = 8;
/// How long the test waits for what should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

fn settings(receiver: &Receiver) -> String {
    format!(
        "server.admin_token = \"{TOKEN}\"\n[unipile]\nwebhook_secret = \"{SECRET}\"\n[[destination]]\nname = \"crm\"\nkind = \"webhook\"\n\
         url = \"{}\"\nrate = \"1000/s\"\nevents = [\"linkedin.invite_accepted\"]\n",
        receiver.url("/crm")
    )
}

/// What is to be sent: of each person an enrollment and an accept, in any order, again and again until it was acknowledged.
#[derive(Default)]
struct Load {
    next: AtomicU64,
    again: Mutex<Vec<(u64, bool)>>,
    acknowledged: Mutex<BTreeSet<(u64, bool)>>,
    so_far: watch::Sender<usize>,
}

impl Load {
    fn take(&self) -> (u64, bool) {
        let again = self.again.lock().expect("not poisoned").pop();
        again.unwrap_or_else(|| {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            (n / 2, n.is_multiple_of(2))
        })
    }

    /// Sends until nobody answers. Returns then.
    async fn run(&self, base: &str) {
        let client = client();
        loop {
            let (n, enrolls) = self.take();
            if !send(&client, base, n, enrolls).await {
                self.again.lock().expect("not poisoned").push((n, enrolls));
                return;
            }
            self.acknowledged
                .lock()
                .expect("not poisoned")
                .insert((n, enrolls));
            self.so_far.send_modify(|n| *n += 1);
        }
    }
}

/// Whether it was acknowledged.
async fn send(client: &reqwest::Client, base: &str, n: u64, enrolls: bool) -> bool {
    let number = 800_000_000 + n;
    let ask = if enrolls {
        let row = json!({"id": format!("enr-{n}"), "accountId": "acc_1", "providerId": profile_id(number)});
        client
            .post(format!("{base}/v1/enrollments"))
            .bearer_auth(TOKEN)
            .body(row.to_string())
    } else {
        client
            .post(format!("{base}/webhooks/unipile"))
            .header("Unipile-Auth", SECRET)
            .body(relation("acc_1", number, None).to_string())
    };
    match ask.send().await {
        Ok(answer) => {
            assert_eq!(answer.status().as_u16(), 200);
            true
        }
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_has_two_ids() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let mut process = Process::new(&settings(&receiver));
    let load = Arc::new(Load::default());
    let mut seed = Clock::system().now().0.unsigned_abs();
    for _ in 0..KILLS {
        process.start(&[], &[]);
        let base = process.url("");
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (load, base) = (load.clone(), base.clone());
                tokio::spawn(async move { load.run(&base).await })
            })
            .collect();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut so_far = load.so_far.subscribe();
        let enough = *so_far.borrow() + usize::try_from(seed >> 58).expect("six bits");
        let reached = so_far.wait_for(|n| *n >= enough);
        match timeout(PATIENCE, reached).await {
            Ok(reached) => drop(reached.expect("the load is there")),
            Err(_) => panic!("nothing is acknowledged any more: {}", process.log()),
        }
        process.signal("KILL");
        process.wait();
        for sender in senders {
            sender.await.expect("every answer is 200");
        }
    }

    process.start(&[], &[]);
    let base = process.url("");
    let left = std::mem::take(&mut *load.again.lock().expect("not poisoned"));
    for (n, enrolls) in left {
        assert!(send(&client(), &base, n, enrolls).await);
        load.acknowledged
            .lock()
            .expect("not poisoned")
            .insert((n, enrolls));
    }
    let acknowledged = load.acknowledged.lock().expect("not poisoned").clone();
    let accepted: BTreeSet<String> = acknowledged
        .iter()
        .filter(|(n, enrolls)| !enrolls && acknowledged.contains(&(*n, true)))
        .map(|(n, _)| format!("enr-{n}"))
        .collect();
    assert!(accepted.len() > 24, "{}", accepted.len());

    // Every one arrives, under one id, however often.
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut seen = 0;
    while ids.len() < accepted.len() {
        let Ok(received) = timeout(PATIENCE, receiver.wait_for(seen + 1)).await else {
            panic!("{} of {} arrived", ids.len(), accepted.len());
        };
        for request in &received[seen..] {
            let body = request.json();
            let whose = body["data"]["enrollmentId"].as_str().expect("an id");
            let id = request.header("webhook-id").expect("an id").to_owned();
            ids.entry(whose.to_owned()).or_default().insert(id);
        }
        seen = received.len();
    }
    assert_eq!(ids.keys().cloned().collect::<BTreeSet<_>>(), accepted);
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");

    assert!(process.stop().success());
    let conn =
        rusqlite::Connection::open(process.dir.path().join("acceptd.db")).expect("the database");
    let check: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("an answer");
    assert_eq!(check, "ok");
    let count = |sql: &str| -> usize {
        let n: i64 = conn.query_row(sql, [], |row| row.get(0)).expect("a count");
        usize::try_from(n).expect("a count")
    };
    assert_eq!(
        count("SELECT count(*) FROM enrollments WHERE accepted_at IS NOT NULL"),
        accepted.len()
    );
    assert_eq!(count("SELECT count(*) FROM events"), accepted.len());
    assert_eq!(count("SELECT count(*) FROM deliveries"), accepted.len());
    // The audit trail has one row for each change, and none without one. An upsert that was sent again changed nothing.
    assert_eq!(
        count("SELECT count(*) FROM audit WHERE action = 'POST /v1/enrollments'"),
        count("SELECT count(*) FROM enrollments")
    );
    let untold = "SELECT count(*) FROM enrollments WHERE id NOT IN (SELECT subject FROM audit)";
    assert_eq!(count(untold), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_resume_within_two_seconds_of_a_start() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    receiver.answer_next("/crm", Reply::ok().after(Duration::from_secs(600)));
    let mut process = Process::new(&settings(&receiver));
    process.start(&[], &[]);
    let base = process.url("");
    for enrolls in [true, false] {
        assert!(send(&client(), &base, 1, enrolls).await);
    }
    let first = receiver.wait_for(1).await;
    process.signal("KILL");
    process.wait();
    let started = Instant::now();
    process.start(&[], &[]);
    let received = receiver.wait_for(2).await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(
        received[1].header("webhook-id"),
        first[0].header("webhook-id")
    );
}
