//! The writer thread. It runs all waiting requests in one transaction, each in its own savepoint, commits once, and then answers all of
//! them. There is no artificial delay: the requests that arrived during the last fsync are the next batch.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::checkpoints::{Checkpoints, report, stop_after_failed_fsync};
use super::news::{Board, News};
use super::{Error, OpenError, StoreObserver, Tx};
use crate::wake::Wakes;

/// The most requests in one transaction: bounds how long the first of them waits for the last.
const BATCH_MAX: usize = 512;
/// How long the writer is idle before it copies the log into the database.
const IDLE: Duration = Duration::from_millis(500);
/// How many steps of SQLite's virtual machine run between two heartbeats during one statement.
const STEPS_PER_BEAT: i32 = 1_000;
/// How long a write waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(10);
/// In debug builds, every so many requests one is run twice. See [`Writer::rehearse`].
const REHEARSE_EVERY: u32 = 4;

/// A request to the writer.
pub(super) trait Request: Send {
    /// Runs inside its savepoint. Returns whether to keep what it wrote.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Answers the caller, once the transaction has succeeded or failed.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// A closure that writes, and the channel for its result.
pub(super) struct Write<F, T> {
    pub(super) work: F,
    pub(super) result: Option<Result<T, Error>>,
    pub(super) to: oneshot::Sender<Result<T, Error>>,
}

impl<T: Send, F: Fn(&Tx<'_>) -> Result<T, Error> + Send> Request for Write<F, T> {
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(tx))).unwrap_or_else(|_| {
            Err(Error::Internal(
                "a write panicked; nothing of it was stored".to_owned(),
            ))
        });
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let answer = match (self.result, committed) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::Internal("a write was never run".to_owned())),
        };
        // The caller may have dropped its future. The write is kept all the same.
        let _ = self.to.send(answer);
    }
}

/// The state of the writer thread.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) requests: Receiver<Box<dyn Request>>,
    pub(super) observer: Arc<dyn StoreObserver>,
    pub(super) outbox: Arc<Board>,
    pub(super) wakes: Wakes,
    pub(super) checkpoints: Checkpoints,
    pub(super) commits: watch::Sender<u64>,
    /// Whether the last commit worked.
    pub(super) works: Cell<bool>,
    /// How often `works` has changed.
    pub(super) turns: Arc<AtomicU64>,
    pub(super) fatal: watch::Sender<Option<String>>,
    /// How many requests were run; see [`Writer::rehearse`].
    pub(super) runs: Cell<u32>,
}

impl Writer {
    /// Creates the writer. During a long statement, the observer regularly hears that the writer is alive.
    pub(super) fn new(
        mut conn: Connection,
        path: &Path,
        requests: Receiver<Box<dyn Request>>,
        observer: Arc<dyn StoreObserver>,
        (outbox, wakes): (Arc<Board>, Wakes),
        (commits, turns): (watch::Sender<u64>, Arc<AtomicU64>),
        fatal: watch::Sender<Option<String>>,
    ) -> Result<Self, OpenError> {
        let checkpoints = Checkpoints::start(&mut conn, path, fatal.clone())?;
        let alive = observer.clone();
        let beat = move || {
            alive.alive();
            false
        };
        conn.progress_handler(STEPS_PER_BEAT, Some(beat))?;
        Ok(Self {
            conn,
            requests,
            observer,
            outbox,
            wakes,
            checkpoints,
            commits,
            works: Cell::new(true),
            turns,
            fatal,
            runs: Cell::new(0),
        })
    }

    /// Runs until every handle to the store is dropped, then truncates the log.
    pub(super) fn run(mut self) {
        let mut dirty = false;
        loop {
            self.observer.alive();
            let first = match self.requests.recv_timeout(IDLE) {
                Ok(request) => request,
                Err(RecvTimeoutError::Timeout) => {
                    if dirty {
                        dirty = !self
                            .log_failure(self.checkpoints.when_idle(&self.conn))
                            .unwrap_or(false);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut batch = vec![first];
            batch.extend(self.requests.try_iter().take(BATCH_MAX - 1));
            self.batch(batch);
            dirty = true;
            self.log_failure(self.checkpoints.after_commit(&self.conn));
        }
        let ended = self.checkpoints.at_end(&self.conn);
        self.log_failure(ended);
    }

    fn batch(&self, mut batch: Vec<Box<dyn Request>>) {
        let started = Instant::now();
        let done = self.transaction(&mut batch);
        let committed = done.as_ref().map(|_| ()).map_err(Clone::clone);
        if self.works.replace(committed.is_ok()) != committed.is_ok() {
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
        match done {
            Ok(news) => {
                self.wake(news);
                self.commits.send_modify(|n| *n += 1);
                self.observer.committed(batch.len(), started.elapsed());
            }
            Err(_) => self.observer.failed(),
        }
        for request in batch {
            request.answer(committed.clone());
        }
    }

    fn transaction(&self, batch: &mut [Box<dyn Request>]) -> Result<News, Error> {
        if let Some(why) = self.fatal.borrow().clone() {
            return Err(Error::Unavailable(why));
        }
        self.begin()?;
        let mut news = News::default();
        let done = batch
            .iter_mut()
            .try_for_each(|request| {
                news.merge(self.run_request(request.as_mut())?);
                Ok(())
            })
            .and_then(|()| self.commit());
        if done.is_err() && !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        done.map(|()| news)
    }

    /// Runs one request in its savepoint. An error means that the whole transaction was rolled back, for example by a full disk.
    fn run_request(&self, request: &mut dyn Request) -> Result<News, Error> {
        self.observer.alive();
        self.rehearse(request)?;
        self.conn.prepare_cached("SAVEPOINT request")?.execute([])?;
        let tx = Tx::new(&self.conn);
        let keep = request.run(&tx);
        if self.conn.is_autocommit() {
            return Err(rolled_back());
        }
        if !keep {
            self.conn.execute_batch("ROLLBACK TO request")?;
        }
        self.conn.prepare_cached("RELEASE request")?.execute([])?;
        Ok(if keep {
            tx.news.into_inner()
        } else {
            News::default()
        })
    }

    /// In debug builds, runs every fourth request once more, before the run that counts, and undoes what it wrote. So every test
    /// shows that a write can be repeated: an engine with optimistic concurrency repeats a write that lost a race.
    fn rehearse(&self, request: &mut dyn Request) -> Result<(), Error> {
        self.runs.set(self.runs.get().wrapping_add(1));
        if cfg!(debug_assertions) && self.runs.get().is_multiple_of(REHEARSE_EVERY) {
            self.conn.execute_batch("SAVEPOINT rehearsal")?;
            request.run(&Tx::new(&self.conn));
            if self.conn.is_autocommit() {
                return Err(rolled_back());
            }
            self.conn
                .execute_batch("ROLLBACK TO rehearsal; RELEASE rehearsal")?;
        }
        Ok(())
    }

    /// Wakes those that have something to do because of what was written.
    fn wake(&self, news: News) {
        self.outbox.publish(news.outbox);
        if news.polls {
            self.wakes.poll.activate();
        }
        if news.steps {
            self.wakes.steps.activate();
        }
    }

    /// Waits for another process that holds the database, alive all the while.
    fn begin(&self) -> Result<(), Error> {
        let until = Instant::now() + BUSY;
        loop {
            match self.conn.execute_batch("BEGIN IMMEDIATE") {
                Err(error)
                    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                        && Instant::now() < until =>
                {
                    self.observer.alive();
                }
                other => return Ok(other?),
            }
        }
    }

    fn commit(&self) -> Result<(), Error> {
        self.conn.execute_batch("COMMIT").map_err(|error| {
            stop_after_failed_fsync(&error, &self.fatal);
            Error::Unavailable(format!("the commit failed: {error}"))
        })
    }

    /// Returns the result of a checkpoint. Logs an error and returns `None`.
    fn log_failure<T>(&self, done: rusqlite::Result<T>) -> Option<T> {
        done.inspect_err(|error| report(error, &self.fatal)).ok()
    }
}

/// A statement failed in a way that made SQLite roll back the whole transaction.
fn rolled_back() -> Error {
    Error::Unavailable("the disk is full or failing; the transaction was rolled back".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::Store;
    use super::*;

    /// Records the longest time between two heartbeats.
    struct Listener(Mutex<(Instant, Duration)>);

    impl StoreObserver for Listener {
        fn alive(&self) {
            let mut heard = self.0.lock().expect("no panic");
            *heard = (Instant::now(), heard.1.max(heard.0.elapsed()));
        }
    }

    #[tokio::test]
    async fn the_writer_shows_that_it_is_alive_during_one_long_statement() {
        let dir = tempfile::tempdir().expect("a directory");
        let listener = Arc::new(Listener(Mutex::new((Instant::now(), Duration::ZERO))));
        let store = Store::open(&dir.path().join("a.db"), listener.clone()).expect("a database");
        let took = store.write(move |tx| {
            let started = Instant::now();
            listener.0.lock().expect("no panic").1 = Duration::ZERO;
            let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n";
            tx.conn.query_row(sql, [], |_| Ok(()))?;
            let silent = listener.0.lock().expect("no panic").1;
            Ok((started.elapsed(), silent))
        });
        let (took, silent) = took.await.expect("written");
        assert!(silent < took / 4, "silent for {silent:?} of {took:?}");
    }

    #[tokio::test]
    async fn a_reader_that_stays_long_slows_no_write() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.db");
        let store = Store::open(&path, Arc::new(super::super::NoObserver)).expect("a database");
        let fill = |bytes: i64| {
            store.write(move |tx| {
                let sql = "INSERT INTO meta (key, value) VALUES (hex(randomblob(8)), zeroblob(?1))";
                Ok(tx.conn.execute(sql, [bytes])?)
            })
        };
        fill(1).await.expect("written");
        let reader = Connection::open(&path).expect("the database");
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM meta")
            .expect("it reads");
        for _ in 0..9 {
            fill(8 << 20).await.expect("written");
        }
        let log = || std::fs::metadata(dir.path().join("a.db-wal")).map_or(0, |m| m.len());
        assert!(log() > 64 << 20);
        let started = Instant::now();
        for _ in 0..40 {
            fill(1).await.expect("written");
        }
        let took = started.elapsed();
        assert!(took < Duration::from_secs(8), "40 writes took {took:?}");

        // After the reader has gone, the log is reused instead of growing further.
        drop(reader);
        let before = log();
        for _ in 0..9 {
            fill(8 << 20).await.expect("written");
        }
        assert!(log() < before + (32 << 20), "{} after {before}", log());
    }
}
