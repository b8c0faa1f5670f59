//! Property: in any order of enrollments and signals, the account's own enrollments end accepted, one signal stamps at most one
//! sibling account, every accept is announced once, and repeating every request changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::identity::Identity;
use acceptd::domain::ids::{AccountId, CampaignId, EnrollmentId};
use acceptd::domain::patch::Patch;
use acceptd::domain::signal::{Claim, Person, Precision, Signal, Source, Subject};
use acceptd::reconcile::{
    AccountPolicy, Policy, ReconcileObserver, Reconciler, Report, StepCap, Upsert,
};
use acceptd::store::{NoObserver, Store};
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::Connection;

use crate::evidence_support::profile_id;

const ACCOUNTS: [&str; 3] = ["a", "b", "c"];
const NUMBER: u64 = 731_204_558;
const SLUG: &str = "mira-halvorsen";

/// What is known of the person: the id, the public identifier, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    id: bool,
    slug: bool,
}

impl Known {
    fn shares(self, other: Self) -> bool {
        (self.id && other.id) || (self.slug && other.slug)
    }

    fn identity(self) -> Identity {
        let mut identity = Identity::default();
        if self.id {
            identity = Identity::from_id(&profile_id(NUMBER));
        }
        if self.slug {
            identity.fill_from(&Identity::from_public_identifier(SLUG));
        }
        identity
    }
}

/// One request.
#[derive(Debug, Clone)]
enum Step {
    /// Rows of one upsert.
    Enroll(Vec<Row>),
    /// A signal to an account.
    Signal(&'static str, Source, Known),
}

#[derive(Debug, Clone)]
struct Row {
    n: usize,
    account: &'static str,
    known: Known,
    noted: bool,
}

fn known() -> impl Strategy<Value = Known> {
    select(&[(true, true), (true, false), (false, true)][..])
        .prop_map(|(id, slug)| Known { id, slug })
}

fn row() -> impl Strategy<Value = Row> {
    (0..8_usize, select(&ACCOUNTS[..]), known(), any::<bool>()).prop_map(
        |(n, account, known, noted)| Row {
            n,
            account,
            known,
            noted,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let source = select(
        &[
            Source::Webhook,
            Source::Webhook,
            Source::Reply,
            Source::NoteEcho,
        ][..],
    );
    prop_oneof![
        proptest::collection::vec(row(), 1..3).prop_map(Step::Enroll),
        (select(&ACCOUNTS[..]), source, known())
            .prop_map(|(account, source, known)| Step::Signal(account, source, known)),
    ]
}

struct Nobody;

impl ReconcileObserver for Nobody {
    fn committed(&self, _: &Report) {}
}

struct World {
    reconciler: Reconciler,
    clock: Clock,
    conn: Connection,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("acceptd.db");
        let store = Store::open(&path, Arc::new(NoObserver)).expect("a database");
        let key = store.write(|tx| tx.note_key()).await.expect("a key");
        let clock = Clock::by_hand(Clock::system().now());
        let account = |id: &str| {
            let policy = AccountPolicy {
                workspace: Some("ws".to_owned()),
                ..AccountPolicy::default()
            };
            (AccountId::parse(id).expect("an id"), policy)
        };
        let policy = Policy {
            workspace: "ws".to_owned(),
            accounts: ACCOUNTS.into_iter().map(account).collect(),
            routes: Vec::new(),
            announce_within: Duration::from_secs(7 * 86_400),
            horizon: Duration::from_secs(180 * 86_400),
            steps: StepCap {
                daily: None,
                timezone: jiff::tz::TimeZone::UTC,
            },
        };
        Self {
            reconciler: Reconciler::new(store, clock.clone(), key, policy, Arc::new(Nobody)),
            clock,
            conn: Connection::open(&path).expect("the file"),
            _dir: dir,
        }
    }

    async fn take(&self, step: &Step) {
        self.clock.advance(Duration::from_secs(1));
        let step = step.clone();
        let done = self.reconciler.run(move |routine| {
            match &step {
                Step::Enroll(rows) => {
                    for row in rows {
                        routine.enroll(&upsert(row))?;
                    }
                }
                Step::Signal(account, source, known) => {
                    let mut claim = Claim::of(None, Precision::UpperBound);
                    claim.reply = *source == Source::Reply;
                    claim.presumes_connection = claim.reply;
                    claim.only_if_note =
                        (*source == Source::NoteEcho).then(|| routine.note_key().hash("Hi Mira"));
                    let signal = Signal {
                        source: *source,
                        account: AccountId::parse(account).expect("an id"),
                        received_at: routine.now(),
                        subject: Subject::Person,
                        person: Person {
                            identity: known.identity(),
                            ..Person::default()
                        },
                        claim,
                        raw: "{}".to_owned(),
                    };
                    routine.apply(&signal, None)?;
                }
            }
            Ok(())
        });
        done.await.expect("stored");
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        let mut statement = self.conn.prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.map(|row| row.expect("a text")).collect()
    }
}

fn enrollment_id(row: &Row) -> String {
    format!("{}-{}", row.account, row.n)
}

fn upsert(row: &Row) -> Upsert {
    Upsert {
        id: EnrollmentId::parse(&enrollment_id(row)).expect("an id"),
        account: Some(AccountId::parse(row.account).expect("an id")),
        campaign: Patch::Set(CampaignId::parse("camp").expect("an id")),
        campaign_name: Patch::Keep,
        linkedin_url: row.known.slug.then(|| SLUG.to_owned()).into(),
        provider_id: row.known.id.then(|| profile_id(NUMBER)).into(),
        name: Patch::Keep,
        headline: Patch::Keep,
        company: Patch::Keep,
        invited_at: Patch::Keep,
        note: row.noted.then(|| "Hi Mira".to_owned()).into(),
    }
}

/// What each enrollment was last said to be, and what was known of it in all.
#[derive(Default)]
struct Said {
    enrolled: BTreeMap<String, (&'static str, Known, bool)>,
    signals: Vec<(&'static str, Source, Known)>,
}

impl Said {
    fn of(steps: &[Step]) -> Self {
        let mut said = Self::default();
        for step in steps {
            match step {
                Step::Signal(account, source, known) => {
                    said.signals.push((account, *source, *known));
                }
                Step::Enroll(rows) => {
                    for row in rows {
                        let now = said.enrolled.entry(enrollment_id(row)).or_insert((
                            row.account,
                            row.known,
                            false,
                        ));
                        now.1.id |= row.known.id;
                        now.1.slug |= row.known.slug;
                        now.2 |= row.noted;
                    }
                }
            }
        }
        said
    }

    /// The enrollments that have to be accepted, as far as that follows from one signal.
    fn own_accepts(&self) -> BTreeSet<String> {
        let named = |account: &str, known: Known| {
            let own = move |(of, it, _): &&(&'static str, Known, bool)| {
                *of == account && it.shares(known)
            };
            self.enrolled
                .values()
                .filter(own)
                .any(|(_, _, noted)| *noted)
        };
        self.enrolled
            .iter()
            .filter(|(_, (account, known, _))| {
                self.signals.iter().any(|(to, source, of)| {
                    to == account
                        && of.shares(*known)
                        && (*source != Source::NoteEcho || named(account, *of))
                })
            })
            .map(|(id, _)| id.clone())
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_order_decides_nothing_for_the_accounts_own(
        steps in proptest::collection::vec(step(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = World::new().await;
            for step in &steps {
                world.take(step).await;
            }
            let accepted = "SELECT id || ' ' || accepted_at || coalesce(replied_at, '-') FROM enrollments WHERE accepted_at IS NOT NULL ORDER BY id";
            let own = "SELECT id FROM enrollments WHERE accepted_at IS NOT NULL";
            let stamped: BTreeSet<String> = world.texts(own).into_iter().collect();
            for id in Said::of(&steps).own_accepts() {
                prop_assert!(stamped.contains(&id), "{id} is not accepted");
            }
            let first = (world.texts(accepted), world.texts("SELECT id FROM events ORDER BY seq"));
            // One accept event each, and no signal went to two sibling accounts.
            prop_assert_eq!(
                world.texts("SELECT enrollment_id FROM events WHERE type = 'linkedin.invite_accepted'").len(),
                stamped.len()
            );
            let astray = "SELECT s.id || '' FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id
                JOIN enrollments e ON e.id = t.enrollment_id
                WHERE s.outcome = 'stamped' AND e.account_id <> s.account_id
                GROUP BY s.id HAVING count(DISTINCT e.account_id) > 1";
            prop_assert_eq!(world.texts(astray), Vec::<String>::new());
            // The ledger names whom it stamped.
            let unnamed = "SELECT id FROM enrollments e WHERE accepted_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM signals s JOIN signal_enrollments t ON t.signal_id = s.id
                WHERE t.enrollment_id = e.id AND s.outcome = 'stamped')";
            prop_assert_eq!(world.texts(unnamed), Vec::<String>::new());

            // Twice is once: the same upserts again change nothing.
            for step in steps.iter().filter(|step| matches!(step, Step::Enroll(_))) {
                world.take(step).await;
            }
            let second = (world.texts(accepted), world.texts("SELECT id FROM events ORDER BY seq"));
            prop_assert_eq!(first, second);
            Ok(())
        })?;
    }
}
