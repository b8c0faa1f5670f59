//! The number of calls that polling needs, counted at the provider and printed by `cargo test economy -- --nocapture`.

use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::sim::{Member, Settings, Sim};
use serde_json::{Value, json};

use crate::process::Process;

/// What LinkedIn lets an account have at most.
const RELATIONS: u64 = 30_000;
/// New connections a day, of a busy account.
const A_DAY: u64 = 25;
const OPEN_INVITES: u64 = 200;
/// The age of the oldest of them, in days.
const OLDEST_DAYS: u64 = 30;
const DAY: Duration = Duration::from_secs(86_400);
/// A day of the default tick of 30 minutes.
const TICKS_A_DAY: u64 = 48;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_poll_reads_pages_and_a_tick_makes_one_call() {
    acceptd::http::tls_ready();
    let clock = Clock::system();
    let now = clock.now();
    let settings = Settings {
        api_key: "sim-key".to_owned(),
        ..Settings::default()
    };
    let sim = Sim::start(clock, settings).await.expect("a provider");
    for account in ["busy", "idle"] {
        sim.add_account(account, Member::made_up(900_000));
        let apart = DAY / u32::try_from(A_DAY).expect("small");
        sim.add_connections(
            account,
            (1..=RELATIONS).map(|n| {
                let age = apart * u32::try_from(n).expect("small");
                (Member::made_up(n), now.minus(age))
            }),
        );
    }
    let mut daemon = Process::new(&format!(
        "[unipile]\nbase_url = \"{}\"\napi_key = \"sim-key\"\n[poll]\nevery = \"400ms\"\njitter = \"1ms\"\n\
         spacing = \"20ms\"\nspacing_jitter = \"1ms\"\ndaily_budget = 100000\n",
        sim.base_url()
    ));
    daemon.start(&[], &[]);
    let http = reqwest::Client::new();
    let rows: Vec<Value> = (0..OPEN_INVITES)
        .map(|n| {
            let age = DAY * u32::try_from(OLDEST_DAYS * n / OPEN_INVITES).expect("small");
            json!({
                "id": format!("enr_{n}"), "accountId": "busy", "invitedAt": now.minus(age),
                "providerId": Member::made_up(500_000 + n).provider_id(),
            })
        })
        .collect();
    let sent = http
        .post(daemon.url("/v1/enrollments"))
        .json(&rows)
        .send()
        .await;
    assert_eq!(sent.expect("an answer").status(), 200);

    let until = Instant::now() + Duration::from_secs(20);
    let accounts = async || -> Value {
        let answer = http.get(daemon.url("/v1/accounts")).send().await;
        answer.expect("an answer").json().await.expect("JSON")
    };
    while accounts().await["items"][0]["lastPollAt"].is_null() {
        assert!(Instant::now() < until, "{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A tick may come in between: it reads the first page again and takes nothing from the count of later ones.
    let later = |calls: &[acceptd::sim::Call]| {
        calls
            .iter()
            .filter(|call| call.query.contains("cursor"))
            .count()
    };
    let first = 1 + later(&sim.calls());
    let before = sim.calls().len();
    while sim.calls().len() < before + 5 {
        assert!(Instant::now() < until, "{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let calls = sim.calls();
    let whole = usize::try_from(RELATIONS.div_ceil(100)).expect("small");
    println!(
        "calls of an account                     acceptd   reading the whole list\n\
         first poll, {RELATIONS} relations, {OPEN_INVITES} open invites {first:>3}   {whole:>3}\n\
         a day in the steady state, 30m tick      {TICKS_A_DAY:>3}   {:>3}\n\
         a day with nothing open                    0   {:>3}",
        whole as u64 * TICKS_A_DAY,
        whole as u64 * TICKS_A_DAY,
    );
    let expected = usize::try_from((OLDEST_DAYS * A_DAY).div_ceil(100)).expect("small");
    assert!(
        (expected..=expected + 1).contains(&first),
        "{first} calls for the first poll"
    );
    assert_eq!(
        1 + later(&calls),
        first,
        "a tick in the steady state is one call"
    );
    let idle = calls
        .iter()
        .filter(|call| call.account.as_deref() == Some("idle"));
    assert_eq!(idle.count(), 0);
}
