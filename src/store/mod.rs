//! The only SQL: one writer thread that batches, query-only readers, migrations, one file per table family.
//!
//! Everything else speaks to the store in domain operations: methods of [`Reader`] and [`Tx`].

mod accounts;
mod backup;
mod bulk;
mod campaigns;
pub mod changes;
mod deliveries;
mod destinations;
mod enrollment_list;
mod enrollments;
mod erase;
mod error;
mod events;
#[cfg(test)]
mod list_tests;
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
mod upkeep;
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

pub use accounts::AccountRow;
pub use backup::{BackupError, backup, is_beside_strangers};
pub use bulk::{BulkReplay, BulkReplayStart};
pub use campaigns::{CampaignCounts, CampaignRow};
pub use deliveries::{DeliveryFilter, DeliveryRow, OutboxCount};
pub use destinations::DestinationRow;
pub use enrollment_list::EnrollmentFilter;
pub use enrollments::OpenScope;
pub use error::Error;
pub use events::{EventRow, NewEvent};
pub use matching::Candidate;
pub use news::OutboxNews;
pub use open::OpenError;
pub use outbox::{Claimed, Settlement};
pub use pace::PaceRow;
pub use polls::{PollRange, PollRow, Walk};
use pool::{Pool, Urgency};
pub use prune::PruneStep;
pub use resyncs::ResyncRow;
pub use sessions::{SessionBounds, SessionRow};
pub use signal_list::SignalFilter;
pub use signals::{Evidence, NewSignal, SignalRow};
pub use stats::{BUCKETS_S, Stats};
pub use totals::AccountTotal;
pub use view::ApiStore;
use view::VIEWS;
use writer::{Request, Write, Writer};

/// How many queries of the daemon's own work run at once. They never wait for the writer, nor for what people look at.
const READERS: usize = 3;

/// What the store tells while it works. Called on the writer's thread: return at once.
pub trait StoreObserver: Send + Sync + 'static {
    /// The writer is not stuck. Called at least every second while it works, waits for work or waits for another process.
    fn alive(&self) {}
    /// Whether the process was asked to stop. A migration then ends and is rolled back.
    fn stopping(&self) -> bool {
        false
    }
    /// A transaction of `requests` requests is on disk; it took `took` from the first of them.
    fn committed(&self, requests: usize, took: Duration) {
        let _ = (requests, took);
    }
    /// A transaction could not be committed; nothing of it is stored.
    fn failed(&self) {}
}

/// An observer that does not care.
pub struct NoObserver;
impl StoreObserver for NoObserver {}

/// The database. Cheap to clone; the last clone that goes away empties the write-ahead log.
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
    path: PathBuf,
    _lock: std::fs::File,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.requests.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the writer was answered to whoever waited; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Store {
    /// Opens the database for this process alone, creates and migrates it as needed, and starts the writer.
    ///
    /// # Errors
    /// [`OpenError`], each with what to do about it.
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
        let turns = Arc::new(AtomicU64::new(0));
        let writer = Writer::new(
            conn,
            waiting,
            observer,
            outbox.clone(),
            commits_tx,
            turns.clone(),
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
            path: path.to_owned(),
            _lock: lock,
        })))
    }

    /// Runs `work` in the writer's next transaction, in a savepoint of its own. Returns after that transaction is on disk; an
    /// error of `work` undoes what it wrote and nothing else.
    ///
    /// # Errors
    /// What `work` returned, or [`Error::Unavailable`] when the commit failed.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (to, answer) = oneshot::channel();
        let gone = || Error::Unavailable("the writer has stopped".to_owned());
        let request = Box::new(Write {
            work: Some(work),
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

    /// Runs a query that the daemon needs for its work, on a thread kept for such. It sees one state of the database. What people
    /// look at goes through [`ApiStore::view`] instead.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.0.readers.run(query).await
    }

    /// The same database for the web listeners, which have no internal readers.
    #[must_use]
    pub fn for_api(&self) -> ApiStore {
        ApiStore::new(self.clone())
    }

    /// Counts commits; changes with each. For those who watch what happens live.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.clone()
    }

    /// Grows whenever a commit fails after one that worked, or works after one that failed.
    #[must_use]
    pub fn commit_turns(&self) -> u64 {
        self.0.turns.load(Ordering::Relaxed)
    }

    /// Why this process may acknowledge nothing more, once a fsync has failed (contract section 11). The daemon exits on it.
    #[must_use]
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.0.fatal.clone()
    }

    /// Waits until commits have left something to do in the outbox, and takes the news. For the dispatcher only.
    pub async fn outbox_news(&self) -> OutboxNews {
        self.0.outbox.next().await
    }

    /// Makes news of these destinations, as if something had been written for them.
    pub fn wake_outbox(&self, destinations: Vec<String>) {
        self.0.outbox.publish(OutboxNews {
            destinations: destinations.into_iter().collect(),
            bulk: false,
        });
    }

    /// Where the database is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

/// A view of the database for queries.
pub struct Reader<'c> {
    conn: &'c Connection,
}

/// A view of the database inside the writer's transaction: everything a [`Reader`] can, and the writes.
pub struct Tx<'c> {
    reader: Reader<'c>,
    news: RefCell<OutboxNews>,
}

impl<'c> Tx<'c> {
    fn new(conn: &'c Connection) -> Self {
        Self {
            reader: Reader { conn },
            news: RefCell::default(),
        }
    }

    /// Notes that a destination has something new to send. Its worker is woken after the commit.
    fn has_work(&self, destination: &str) {
        let destinations = &mut self.news.borrow_mut().destinations;
        if !destinations.contains(destination) {
            destinations.insert(destination.to_owned());
        }
    }

    /// Notes that a bulk replay was begun.
    fn bulk_begun(&self, begun: bool) {
        self.news.borrow_mut().bulk |= begun;
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = Reader<'c>;
    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}
