//! A day of a thousand accounts: accepts at random, webhooks that drop for hours, a provider that fails in every way it has, a
//! daemon that is killed every hour. At the end every accept is stamped once, at the time and with the precision of a sign that
//! was there, none later than the first acknowledged one; each was announced under one id. Every call is judged at the moment it
//! reaches the provider: by spacing, budget and active hours, and by the health that the webhooks before it reported.
//!
//! The provider, its webhooks, the receiver, the database, the kills are real; only the time is not: the daemon runs in a process
//! of its own, and both processes follow a clock that goes step by step. `ACCEPTD_SEED` plays another day, and a day that failed
//! again; it is in a binary of its own so that no other test runs beside it.

mod cast;
mod daemon;
mod judge;
mod story;
mod world;

use std::time::{Duration, Instant};

use acceptd::domain::time::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use story::Story;
use world::World;

const ACCOUNTS: usize = 1_000;
/// Open invites of each account.
const OPEN: u64 = 200;
/// Those of them that are accepted during the day.
const ACCEPTS: u64 = 8;
/// Accounts with nothing open.
const IDLE: usize = 20;
const PAGE_SIZE: u32 = 10;

const START: Timestamp = Timestamp(1_790_000_000_000);
const STEP: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_a_thousand_accounts() {
    let seed = std::env::var("ACCEPTD_SEED").map_or(7, |seed| seed.parse().expect("a number"));
    println!("seed {seed}");
    let began = Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::new(&story::key(0)).await;
    for n in 0..ACCOUNTS + IDLE {
        world.sim.add_account(&cast::account(n), cast::owner(n));
        let old = cast::old_relations(n, &mut rng);
        world.sim.add_connections(&cast::account(n), old);
    }
    let mut people = cast::everybody(&mut rng);
    for person in &people {
        world.sim.add_member(person.member());
        if let Some(at) = person.accepts_at.filter(|at| *at < START) {
            let account = cast::account(person.account);
            world.sim.add_connections(&account, [(person.member(), at)]);
        }
    }
    people.sort_by_key(|person| person.enrolls_at);
    let there = people.partition_point(|person| person.enrolls_at <= START);
    story::enroll(&world, &mut people[..there]).await;
    nothing_open(&world).await;
    println!("{there} enrolled after {:?}", began.elapsed());

    let mut story = Story::new(rng, &people);
    while world.now() < START.plus(DAY) {
        story.go_on(&mut world, &mut people).await;
        world.step().await;
        let gone = world.now().since(START).as_secs();
        if gone.is_multiple_of(3_600) {
            println!("hour {} after {:?}", gone / 3_600, began.elapsed());
        }
    }
    world.sim.clear_faults();
    everything_works_again(&mut world).await;
    story.asked.push(world.now());
    let accepts = people.iter().filter(|p| p.accepts_at.is_some()).count();
    until_all_is_told(&mut world, accepts).await;
    println!("told after {:?}", began.elapsed());

    judge::add_signs(&world, &mut people);
    judge::calls(&world);
    judge::outages(&world, &story.asked, &story.listed);
    judge::turns(&world);
    judge::stamps(&world, &people).await;
    judge::events(&world, &people);
    println!("judged after {:?}", began.elapsed());
}

/// Each idle account has one prospect, who accepted long ago.
async fn nothing_open(world: &World) {
    for n in cast::idle() {
        let id = format!("idle_{n}");
        let row = serde_json::json!({
            "id": id, "accountId": cast::account(n), "providerId": acceptd::sim::ids::profile_id(900 + n as u64),
        });
        let stamp = serde_json::json!({"reason": "long ago"});
        for (path, body) in [
            ("/v1/enrollments".to_owned(), row),
            (format!("/v1/enrollments/{id}/stamp"), stamp),
        ] {
            let (status, answer) = world.ask("POST", &path, &body).await;
            assert_eq!(status, 200, "{answer}");
        }
    }
}

/// Every account is connected again, the daemon runs, and somebody asks for a poll of all.
async fn everything_works_again(world: &mut World) {
    if !world.daemon.is_up() {
        world.daemon.start(world.now());
    }
    for n in 0..ACCOUNTS {
        world.sim.set_status(&cast::account(n), "OK");
    }
    world.step().await;
    let (status, answer) = world.ask("POST", "/v1/resync", &Value::Null).await;
    assert_eq!(status, 202, "{answer}");
}

/// Waits until every accept has arrived at the receiver; budgets, office hours and back-offs may take their time.
async fn until_all_is_told(world: &mut World, accepts: usize) {
    let end = world.now().plus(DAY);
    loop {
        for _ in 0..300 {
            world.step().await;
        }
        let told: std::collections::BTreeSet<_> = world
            .receiver
            .received()
            .iter()
            .filter_map(|r| r.header("webhook-id").map(str::to_owned))
            .collect();
        if told.len() >= accepts + IDLE || world.now() >= end {
            println!(
                "{} told {:?} after the day",
                told.len(),
                world.now().since(START.plus(DAY))
            );
            return;
        }
    }
}
