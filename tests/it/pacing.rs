//! Two calls of one account are never closer than its spacing in real time, never run at once, and never exceed the budget of a
//! UTC day, whatever happens in between.
//!
//! Each seed generates its own sequence on a database on disk. The test keeps the real time itself, as the sum of what the clock
//! was advanced by. A forward step of the clock between the end of a call and the first request of a *later* process can't be
//! seen in the stored time. The spacing may then be too short by that step, and by no more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acceptd::domain::ids::AccountId;
use acceptd::domain::provider::Provider;
use acceptd::domain::time::Timestamp;
use acceptd::provider::pacer::{CallEnd, Choice, Grant, Pace, Pacer};
use acceptd::store::{NoObserver, OpenError, Store};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

const SEEDS: u64 = 1_000;
const MOVES: usize = 36;
const DAY: Duration = Duration::from_secs(86_400);
const START: Timestamp = Timestamp(1_790_000_000_000);

/// What really happened to one account.
#[derive(Default)]
struct Truth {
    calling: bool,
    /// The true time of the last end.
    ended: Option<Duration>,
    /// The forward steps since that end.
    stepped: Duration,
    /// Those of them that a later process can't know of.
    unknowable: Duration,
    /// Whether a process that did not see the end has yet to ask for the first time.
    fresh: bool,
    calls: HashMap<i64, u32>,
}

struct Story {
    seed: u64,
    rng: StdRng,
    path: PathBuf,
    clock: acceptd::clock::Clock,
    elapsed: Duration,
    stepping: bool,
    pacer: Pacer,
    pace: Pace,
    accounts: Vec<AccountId>,
    truths: Vec<Truth>,
    granted: u32,
}

enum Done {
    Asked(usize, bool),
    Other,
}

fn some_pace(rng: &mut StdRng) -> Pace {
    Pace {
        spacing: Duration::from_millis(rng.random_range(1_000..120_000)),
        spacing_jitter: Duration::from_secs(rng.random_range(0..30)),
        daily_budget: rng.random_range(1..12),
        not_before: Timestamp(0),
    }
}

fn open(path: &Path) -> Store {
    // A program that another test starts holds a copy of the lock between its fork and its exec.
    for _ in 0..2_000 {
        match Store::open(path, Arc::new(NoObserver)) {
            Err(OpenError::Locked(_)) => std::thread::sleep(Duration::from_millis(1)),
            opened => return opened.expect("the database opens"),
        }
    }
    panic!("the database stays locked");
}

async fn ask(pacer: &Pacer, account: &AccountId, pace: Pace) -> Grant<()> {
    pacer
        .permit(account, move |_, _| Ok(Choice::Call((), pace)))
        .await
        .expect("the store works")
}

impl Story {
    async fn begin(seed: u64, dir: &Path) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let path = dir.join(format!("{seed}.db"));
        let store = open(&path);
        let accounts: Vec<_> = ["a", "b"]
            .map(|id| AccountId::parse(id).expect("an id"))
            .into();
        let named = accounts.clone();
        store
            .write(move |tx| {
                for account in &named {
                    tx.ensure_account(account, Provider::Unipile, START)?;
                    tx.schedule_check(account, false, START)?;
                }
                Ok(())
            })
            .await
            .expect("the accounts are there");
        let clock = acceptd::clock::Clock::by_hand(START);
        Self {
            seed,
            stepping: rng.random_bool(0.6),
            pace: some_pace(&mut rng),
            pacer: Pacer::new(store, clock.clone()),
            truths: accounts.iter().map(|_| Truth::default()).collect(),
            rng,
            path,
            clock,
            elapsed: Duration::ZERO,
            accounts,
            granted: 0,
        }
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.elapsed += by;
    }

    /// Where a step takes the clock: mostly near, at times far.
    fn a_step(&mut self) -> Timestamp {
        let reach = if self.rng.random_bool(0.2) {
            40 * 86_400_000
        } else {
            90_000
        };
        Timestamp(self.clock.now().0 + self.rng.random_range(-reach..=reach))
    }

    /// The clock is going to be stepped to `to`.
    fn note_step(&mut self, to: Timestamp) {
        let forward = to.since(self.clock.now());
        for truth in &mut self.truths {
            truth.stepped += forward;
        }
    }

    fn end_of(&mut self, n: usize) -> CallEnd {
        let truth = &mut self.truths[n];
        truth.calling = false;
        truth.ended = Some(self.elapsed);
        (truth.stepped, truth.unknowable) = Default::default();
        truth.fresh = false;
        match self.rng.random_range(0..4) {
            0 => CallEnd::Failed { retry_after: None },
            1 => CallEnd::Failed {
                retry_after: Some(Duration::from_secs(self.rng.random_range(0..7_200))),
            },
            _ => CallEnd::Succeeded,
        }
    }

    /// Ends, wishes and a step of the clock, all at once and in any order.
    async fn crowd(&mut self) {
        let mut tasks: Vec<BoxFuture<'static, Done>> = Vec::new();
        // An end and a step in one crowd have no order that this test could know; so no end then.
        let step = self.stepping && self.rng.random_bool(0.3);
        for n in 0..self.accounts.len() {
            let (pacer, account, pace) = (self.pacer.clone(), self.accounts[n].clone(), self.pace);
            if !step && self.truths[n].calling && self.rng.random_bool(0.6) {
                let how = self.end_of(n);
                let (pacer, account) = (pacer.clone(), account.clone());
                tasks.push(
                    async move {
                        pacer.ended(&account, pace, how).await;
                        Done::Other
                    }
                    .boxed(),
                );
            }
            for _ in 0..self.rng.random_range(0..4) {
                let (pacer, account) = (pacer.clone(), account.clone());
                tasks.push(
                    async move {
                        let grant = ask(&pacer, &account, pace).await;
                        Done::Asked(n, matches!(grant, Grant::Go(..)))
                    }
                    .boxed(),
                );
            }
        }
        if step {
            let to = self.a_step();
            self.note_step(to);
            let clock = self.clock.clone();
            tasks.push(
                async move {
                    clock.set(to);
                    Done::Other
                }
                .boxed(),
            );
        }
        tasks.shuffle(&mut self.rng);
        for done in join_all(tasks).await {
            if let Done::Asked(n, go) = done {
                self.judge(n, go);
            }
        }
    }

    fn judge(&mut self, n: usize, go: bool) {
        let (seed, elapsed, pace) = (self.seed, self.elapsed, self.pace);
        let truth = &mut self.truths[n];
        if std::mem::take(&mut truth.fresh) {
            truth.unknowable = truth.stepped;
        }
        if !go {
            return;
        }
        self.granted += 1;
        assert!(!truth.calling, "seed {seed}: two calls at once");
        truth.calling = true;
        if let Some(ended) = truth.ended {
            let gap = elapsed - ended;
            assert!(
                gap + truth.unknowable >= pace.spacing,
                "seed {seed}: {gap:?} from the end of a call to the next, spacing {:?}, unknowable {:?}",
                pace.spacing,
                truth.unknowable
            );
        }
        if !self.stepping {
            let calls = truth.calls.entry(self.clock.now().utc_day()).or_default();
            *calls += 1;
            assert!(
                *calls <= pace.daily_budget,
                "seed {seed}: {calls} calls in a day of {}",
                pace.daily_budget
            );
        }
    }

    /// The process dies with calls under way and wishes on their way to the disk; some time later there is another one.
    async fn die(mut self) -> Self {
        for n in 0..self.accounts.len() {
            if self.rng.random_bool(0.3) {
                let asked = Box::pin(ask(&self.pacer, &self.accounts[n], self.pace));
                if let Some(Grant::Go(..)) = asked.now_or_never() {
                    self.judge(n, true);
                }
            }
            let truth = &mut self.truths[n];
            if std::mem::take(&mut truth.calling) {
                truth.ended = Some(self.elapsed);
                (truth.stepped, truth.unknowable) = Default::default();
            }
            truth.fresh = true;
        }
        // The database can't be opened twice.
        drop(self.pacer);
        self.pacer = Pacer::new(open(&self.path), self.clock.clone());
        let away = Duration::from_millis(self.rng.random_range(0..90_000));
        self.advance(away);
        if self.stepping && self.rng.random_bool(0.5) {
            let to = self.a_step();
            self.note_step(to);
            self.clock.set(to);
        }
        self.pacer.recover().await.expect("recovered");
        self
    }

    async fn play(mut self) -> u32 {
        for _ in 0..MOVES {
            match self.rng.random_range(0..20) {
                0 => self = self.die().await,
                1 => self.pace = some_pace(&mut self.rng),
                2 if self.stepping => {
                    let to = self.a_step();
                    self.note_step(to);
                    self.clock.set(to);
                }
                3 => {
                    let hours = self.rng.random_range(1..14);
                    self.advance(Duration::from_secs(hours * 3_600));
                }
                4..=10 => {
                    let ms = self.rng.random_range(0..100_000);
                    self.advance(Duration::from_millis(ms));
                }
                _ => self.crowd().await,
            }
        }
        self.comes_free().await;
        self.granted
    }

    /// Whatever the clock showed before, three days on each account may be called again.
    async fn comes_free(&mut self) {
        for n in 0..self.accounts.len() {
            if self.truths[n].calling {
                let how = self.end_of(n);
                self.pacer.ended(&self.accounts[n], self.pace, how).await;
            }
            ask_once(self, n).await;
        }
        self.advance(3 * DAY);
        for n in 0..self.accounts.len() {
            let go = ask_once(self, n).await;
            assert!(
                go || self.truths[n].calling,
                "seed {}: an account is held for ever",
                self.seed
            );
        }
    }
}

async fn ask_once(story: &mut Story, n: usize) -> bool {
    let grant = ask(&story.pacer, &story.accounts[n], story.pace).await;
    let go = matches!(grant, Grant::Go(..));
    story.judge(n, go);
    go
}

#[tokio::test]
async fn no_interleaving_brings_two_calls_closer_than_the_spacing() {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() {
        tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir())
    } else {
        tempfile::tempdir()
    }
    .expect("a directory");
    let seeds = match std::env::var("ACCEPTD_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("ACCEPTD_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..SEEDS,
    };
    let (mut stories, mut granted) = (0_u32, 0);
    for seed in seeds {
        let story = Story::begin(seed, dir.path()).await;
        let path = story.path.clone();
        granted += story.play().await;
        stories += 1;
        std::fs::remove_file(path).expect("the database goes");
    }
    assert!(granted >= stories, "the stories make calls");
}
