//! The only SQL: one writer thread that batches, query-only readers, migrations, one file per table family.
//!
//! All other modules use the store through domain operations: the methods of [`Reader`] and [`Tx`].

mod accounts;
mod aliases;
mod audit;
mod backup;
mod bulk;
mod campaigns;
pub mod changes;
mod checkpoints;
mod deliveries;
mod destinations;
mod enrollment_list;
mod enrollments;
mod erase;
mod error;
mod events;
mod imports;
#[cfg(test)]
mod list_tests;
mod listed_leads;
mod matching;
mod meta;
pub mod migrate;
mod news;
mod open;
mod outbox;
mod pace;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod plans_tests;
mod polls;
mod pool;
mod prune;
mod replan;
mod resyncs;
mod retry;
mod row;
mod search;
mod sessions;
mod signal_keys;
mod signal_list;
mod signals;
#[cfg(test)]
mod statements_tests;
mod stats;
mod steps;
mod totals;
mod view;
mod writer;

use std::cell::RefCell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::wake::Wakes;

pub use accounts::AccountRow;
pub use audit::AuditRow;
pub use backup::{BackupError, backup, is_beside_strangers};
pub use bulk::{BulkReplay, BulkReplayStart};
pub use campaigns::{CampaignCounts, CampaignRow};
pub use deliveries::{DeliveryFilter, DeliveryRow, OutboxCount};
pub use destinations::DestinationRow;
pub use enrollment_list::EnrollmentFilter;
pub use enrollments::OpenScope;
pub use error::Error;
pub use events::{EventRow, NewEvent};
pub use imports::{ImportCounts, ImportRow, ImportedEnrollment};
pub use listed_leads::ListedLead;
use news::News;
pub use news::OutboxNews;
pub use open::OpenError;
pub use outbox::{Claimed, Settlement};
pub use pace::PaceRow;
pub use polls::{PollRange, PollRow, Walk};
use pool::{Pool, Urgency};
pub use prune::PruneStep;
pub use resyncs::ResyncRow;
pub use retry::{RETRY_PAUSE, Retry, retry_until_ok};
pub use sessions::{SessionBounds, SessionRow};
pub use signal_list::SignalFilter;
pub use signals::{Evidence, NewSignal, SignalRow};
pub use stats::{BUCKETS_S, Stats};
pub use totals::AccountTotal;
pub use view::ApiStore;
use view::VIEWS;
use writer::{Request, Write, Writer};

/// How many of the daemon's own queries run at once. They never wait for the writer or for views.
const READERS: usize = 3;

/// Receives reports about the writer. Called on the writer's thread, so every method must return at once.
pub trait StoreObserver: Send + Sync + 'static {
    /// Reports that the writer is not stuck. Called at least every second, whether it works or waits.
    fn alive(&self) {}
    /// Whether the process is asked to stop. If so, a running migration is rolled back.
    fn stopping(&self) -> bool {
        false
    }
    /// Reports that a transaction of `requests` requests is on disk, `took` after its start.
    fn committed(&self, requests: usize, took: Duration) {
        let _ = (requests, took);
    }
    /// Reports that a transaction could not be committed. Nothing of it is stored.
    fn failed(&self) {}
}

/// An observer that ignores all reports.
pub struct NoObserver;
impl StoreObserver for NoObserver {}

/// The database. Cheap to clone. Dropping the last clone truncates the write-ahead log.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    requests: Option<mpsc::Sender<Box<dyn Request>>>,
    thread: Option<std::thread::JoinHandle<()>>,
    readers: Pool,
    views: Pool,
    commits: watch::Receiver<u64>,
    turns: Arc<AtomicU64>,
    fatal: watch::Receiver<Option<String>>,
    outbox: Arc<news::Board>,
    wakes: Wakes,
    path: PathBuf,
    _lock: std::fs::File,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.requests.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer was answered to the callers. There is nothing else to report.
            let _ = thread.join();
        }
    }
}

impl Store {
    /// Opens the database exclusively for this process, creates or migrates it if needed, and starts the writer.
    ///
    /// # Errors
    /// Returns an [`OpenError`] whose text says what to do.
    pub fn open(path: &Path, observer: Arc<dyn StoreObserver>) -> Result<Self, OpenError> {
        let path = &open::resolved(path)?;
        let lock = open::lock(path)?;
        let conn = open::writer(path, &observer)?;
        let readers = Pool::start(path, Urgency::Work, READERS)?;
        let views = Pool::start(path, Urgency::View, VIEWS)?;
        let (requests, waiting) = mpsc::channel();
        let (commits_tx, commits) = watch::channel(0);
        let (fatal_tx, fatal) = watch::channel(None);
        let outbox = Arc::<news::Board>::default();
        let wakes = Wakes::default();
        let turns = Arc::new(AtomicU64::new(0));
        let writer = Writer::new(
            conn,
            path,
            waiting,
            observer,
            (outbox.clone(), wakes.clone()),
            (commits_tx, turns.clone()),
            fatal_tx,
        )?;
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::File {
                path: path.to_owned(),
                error,
            })?;
        Ok(Self(Arc::new(Inner {
            requests: Some(requests),
            thread: Some(thread),
            readers,
            views,
            commits,
            turns,
            fatal,
            outbox,
            wakes,
            path: path.to_owned(),
            _lock: lock,
        })))
    }

    /// Runs `work` in the writer's next transaction, in a savepoint of its own. Returns after that transaction is on disk; an
    /// error of `work` undoes what it wrote and nothing else. Those that have something to do because of what was written are
    /// woken then.
    ///
    /// `work` may be run more than once, and all runs but the last are undone. So it writes no log, draws no random numbers and
    /// changes nothing in memory.
    ///
    /// # Errors
    /// What `work` returned, or [`Error::Unavailable`] when the commit failed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (to, answer) = oneshot::channel();
        let gone = || Error::Unavailable("the writer has stopped".to_owned());
        let request = Box::new(Write {
            work,
            result: None,
            to,
        });
        self.0
            .requests
            .as_ref()
            .ok_or_else(gone)?
            .send(request)
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Runs one of the daemon's own queries on a thread reserved for them. It sees one state of the database. Queries for people go
    /// through [`ApiStore::view`] instead.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.0.readers.run(query).await
    }

    /// Returns the store for the web listeners, without the internal readers.
    #[must_use]
    pub fn for_api(&self) -> ApiStore {
        ApiStore::new(self.clone())
    }

    /// Returns the number of commits as a channel that changes with each commit.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.clone()
    }

    /// Returns a counter that grows whenever a commit fails after a successful one, or succeeds after a failed one.
    #[must_use]
    pub fn commit_turns(&self) -> u64 {
        self.0.turns.load(Ordering::Relaxed)
    }

    /// Returns why this process must not acknowledge anything more, once an fsync has failed. The daemon exits then. See
    /// docs/rules/storage.md.
    #[must_use]
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.0.fatal.clone()
    }

    /// The handles that commits activate: of the poll driver, and of the sender of next steps.
    #[must_use]
    pub fn wakes(&self) -> &Wakes {
        &self.0.wakes
    }

    /// Waits until a commit leaves new work in the outbox, and takes the news. For the dispatcher only.
    pub async fn outbox_news(&self) -> OutboxNews {
        self.0.outbox.next().await
    }

    /// Reports these destinations to the dispatcher, as if new deliveries had been written for them.
    pub fn wake_outbox(&self, destinations: Vec<String>) {
        self.0.outbox.publish(OutboxNews {
            destinations: destinations.into_iter().collect(),
            bulk: false,
        });
    }

    /// Returns the path of the database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

/// The database for queries.
pub struct Reader<'c> {
    conn: &'c Connection,
}

/// The database inside the writer's transaction: all queries of a [`Reader`], and the writes.
pub struct Tx<'c> {
    reader: Reader<'c>,
    news: RefCell<News>,
}

impl<'c> Tx<'c> {
    fn new(conn: &'c Connection) -> Self {
        Self {
            reader: Reader { conn },
            news: RefCell::default(),
        }
    }

    /// Runs a part of a write, and undoes what the part wrote if it fails.
    pub fn part<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.conn.execute_batch("SAVEPOINT part")?;
        let done = work();
        if done.is_ok() {
            self.conn.execute_batch("RELEASE part")?;
        } else if !self.conn.is_autocommit() {
            self.conn.execute_batch("ROLLBACK TO part; RELEASE part")?;
        }
        done
    }

    /// Reports to the dispatcher, after the commit, that a destination has something new to send.
    fn notify_destination(&self, destination: &str) {
        let destinations = &mut self.news.borrow_mut().outbox.destinations;
        if !destinations.contains(destination) {
            destinations.insert(destination.to_owned());
        }
    }

    /// Reports to the dispatcher, after the commit, that a bulk replay was started.
    fn notify_bulk_replay(&self, begun: bool) {
        self.news.borrow_mut().outbox.bulk |= begun;
    }

    /// Wakes the poll driver, after the commit, because an account may be due for a call earlier than before.
    fn notify_polls(&self) {
        self.news.borrow_mut().polls = true;
    }

    /// Wakes the sender of next steps, after the commit, because a step or an open invite may be due earlier than before.
    fn notify_steps(&self) {
        self.news.borrow_mut().steps = true;
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;
    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}
