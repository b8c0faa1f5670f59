//! Benchmarks of the parts that every webhook passes through. Absolute times are the machine's; what counts are the ratios
//! within one run: resolving must not grow with the number of enrollments, and one commit for many requests must beat one each.
//!
//! `cargo bench --bench core`

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::campaign::{CampaignFacts, CampaignStatus};
use acceptd::domain::enrollment::Enrollment;
use acceptd::domain::identity::Identity;
use acceptd::domain::ids::{AccountId, CampaignId, EnrollmentId};
use acceptd::domain::patch::Patch;
use acceptd::domain::signal::{Claim, Path, Person, Precision, Signal, Source, Subject};
use acceptd::reconcile::decide::{Case, decide};
use acceptd::reconcile::resolve::resolve;
use acceptd::reconcile::{Policy, ReconcileObserver, Reconciler, Report, StepCap, Upsert};
use acceptd::sim::ids;
use acceptd::store::{NoObserver, Store};
use divan::{Bencher, counter::ItemsCount};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Requests that wait together, and relations in a page.
const BATCH: u64 = 100;
/// Rows of one import.
const IMPORT: u64 = 1_000;

fn main() {
    divan::main();
}

#[divan::bench(args = [
    "https://www.linkedin.com/in/mira-halvorsen-731204558/",
    "https://de.linkedin.com/in/J%C3%B6rg-M%C3%BCller?originalSubdomain=de",
    "urn:li:member:731204558",
])]
fn identity_of_text(text: &str) -> Identity {
    Identity::from_text(black_box(text))
}

#[divan::bench]
fn identity_of_id(bencher: Bencher<'_, '_>) {
    let id = ids::profile_id(731_204_558);
    bencher.bench(|| Identity::from_id(black_box(&id)));
}

#[divan::bench]
fn decide_an_accept(bencher: Bencher<'_, '_>) {
    let now = Clock::system().now();
    let enrollment = Enrollment::new(enrollment_id(1), account(), campaign(), now);
    let campaign = CampaignFacts {
        name: None,
        status: CampaignStatus::Running,
        accept_window_ms: None,
        schedule: None,
        daily_cap: None,
    };
    let claim = claim();
    bencher.bench(|| {
        decide(black_box(&Case {
            enrollment: &enrollment,
            campaign: &campaign,
            source: Source::Webhook,
            received_at: now,
            claim: &claim,
            path: Some(Path::Direct),
            via_sibling: false,
            announce_within: Duration::from_secs(7 * 86_400),
            now,
        }))
    });
}

/// From a person to the enrollment, among so many.
#[divan::bench(args = [1_000, 10_000], sample_count = 20, sample_size = 20)]
fn resolve_among(bencher: Bencher<'_, '_>, enrollments: u64) {
    let world = World::new();
    for first in (0..enrollments).step_by(IMPORT as usize) {
        world.enroll(first..first + IMPORT);
    }
    let policy = world.reconciler.policy();
    bencher.bench_local(|| {
        let person = person(enrollments / 2).identity;
        let policy = policy.clone();
        world.wait(world.reconciler.store().read(move |reader| {
            let candidates = reader.candidates(&person)?;
            Ok(resolve(
                &policy,
                &[account()],
                Source::Webhook,
                &person,
                candidates,
            ))
        }))
    });
}

/// Webhooks that wait together share a commit.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn webhooks_that_share_a_commit(bencher: Bencher<'_, '_>) {
    let world = World::new();
    world.bench_stamps(bencher, |world, signals| {
        world.wait(async {
            let all = signals
                .into_iter()
                .map(|signal| world.reconciler.run(move |r| r.apply(&signal, None)));
            futures_util::future::try_join_all(all).await
        });
    });
}

/// The same, one after the other: a commit each.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn webhooks_with_a_commit_each(bencher: Bencher<'_, '_>) {
    let world = World::new();
    world.bench_stamps(bencher, |world, signals| {
        for signal in signals {
            world.wait(world.reconciler.run(move |r| r.apply(&signal, None)));
        }
    });
}

/// A page of relations in which everybody is waited for: one transaction.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn page_of_relations_that_all_stamp(bencher: Bencher<'_, '_>) {
    let world = World::new();
    world.bench_stamps(bencher, |world, signals| {
        world.wait(world.reconciler.run(move |routine| {
            signals
                .iter()
                .try_for_each(|signal| routine.apply(signal, None).map(drop))
        }));
    });
}

/// A page of relations in which nobody is: what a poll mostly reads.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn page_of_relations_of_strangers(bencher: Bencher<'_, '_>) {
    let world = World::new();
    world.enroll(0..IMPORT);
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| {
            let strangers = (IMPORT..IMPORT + BATCH).map(|n| world.signal(Source::Poll, n));
            strangers.collect::<Vec<_>>()
        })
        .bench_local_values(|signals| {
            world.wait(world.reconciler.run(move |routine| {
                signals
                    .iter()
                    .try_for_each(|signal| routine.apply(signal, None).map(drop))
            }));
        });
}

struct Nobody;

impl ReconcileObserver for Nobody {
    fn committed(&self, _report: &Report) {}
}

/// A database in a temporary directory, and the routine over it.
struct World {
    runtime: Runtime,
    reconciler: Reconciler,
    clock: Clock,
    /// The next person who was not enrolled.
    next: Cell<u64>,
    _dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let runtime = Runtime::new().expect("a runtime");
        let path = dir.path().join("acceptd.db");
        let store = Store::open(&path, Arc::new(NoObserver)).expect("a database");
        let key = runtime
            .block_on(store.write(|tx| tx.note_key()))
            .expect("a key");
        let clock = Clock::system();
        let policy = Policy {
            workspace: "ws".to_owned(),
            accounts: acceptd::reconcile::Accounts::default(),
            routes: Vec::new(),
            announce_within: Duration::from_secs(7 * 86_400),
            horizon: Duration::from_secs(180 * 86_400),
            steps: StepCap {
                daily: None,
                timezone: jiff::tz::TimeZone::UTC,
            },
        };
        let reconciler = Reconciler::new(store, clock.clone(), key, policy, Arc::new(Nobody));
        Self {
            runtime,
            reconciler,
            clock,
            next: Cell::new(0),
            _dir: dir,
        }
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, acceptd::store::Error>>) -> T {
        self.runtime.block_on(work).expect("a database that works")
    }

    fn enroll(&self, numbers: std::ops::Range<u64>) {
        self.wait(self.reconciler.run(move |routine| {
            numbers.clone().try_for_each(|n| {
                let row = Upsert {
                    id: enrollment_id(n),
                    account: Some(account()),
                    campaign: Patch::Set(campaign()),
                    campaign_name: Patch::Keep,
                    linkedin_url: Patch::Set(format!("https://www.linkedin.com/in/person-{n}")),
                    provider_id: Patch::Set(ids::profile_id(n + 1)),
                    name: Patch::Keep,
                    headline: Patch::Keep,
                    company: Patch::Keep,
                    invited_at: Patch::Keep,
                    note: Patch::Keep,
                };
                routine.enroll(&row).map(drop)
            })
        }));
    }

    fn signal(&self, source: Source, n: u64) -> Signal {
        Signal {
            source,
            account: account(),
            received_at: self.clock.now(),
            subject: Subject::Person,
            person: person(n),
            claim: claim(),
            raw: "{}".to_owned(),
        }
    }

    /// Times `work` on the accepts of people who were just enrolled.
    fn bench_stamps(&self, bencher: Bencher<'_, '_>, work: impl Fn(&Self, Vec<Signal>)) {
        bencher
            .counter(ItemsCount::new(BATCH))
            .with_inputs(|| {
                let first = self.next.get();
                self.next.set(first + BATCH);
                self.enroll(first..first + BATCH);
                let signals = (first..first + BATCH).map(|n| self.signal(Source::Webhook, n));
                signals.collect::<Vec<_>>()
            })
            .bench_local_values(|signals| work(self, signals));
    }
}

fn account() -> AccountId {
    AccountId::parse("acc_1").expect("an id")
}

fn campaign() -> CampaignId {
    CampaignId::parse("camp_1").expect("an id")
}

fn enrollment_id(n: u64) -> EnrollmentId {
    EnrollmentId::parse(&format!("enr_{n}")).expect("an id")
}

fn person(n: u64) -> Person {
    let mut identity = Identity::from_id(&ids::profile_id(n + 1));
    identity.fill_from(&Identity::from_public_identifier(&format!("person-{n}")));
    Person {
        identity,
        ..Person::default()
    }
}

fn claim() -> Claim {
    Claim::of(None, Precision::UpperBound)
}
