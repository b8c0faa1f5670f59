//! The one writer: a thread that runs whatever is waiting in one transaction, each request in its own savepoint, commits once,
//! then answers all. No artificial delay: what queued during the last fsync is the next batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::error::is_failed_fsync;
use super::news::{Board, OutboxNews};
use super::{Error, Observer, Tx};

/// The most requests in one transaction: bounds how long the first of them waits for the last.
const BATCH_MAX: usize = 512;
/// How long the writer is idle before it copies the log back into the database.
const IDLE: Duration = Duration::from_millis(500);
/// The size of the log above which it is emptied even under load, in bytes.
const LOG_BYTES_MAX: u64 = 64 << 20;
/// How long a write waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(10);

/// What waits for the writer.
pub(super) trait Request: Send {
    /// Runs inside its savepoint; says whether what it wrote is to be kept.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Answers whoever asked, once the fate of the transaction is known.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

/// A closure that writes, and the place where its result is awaited.
pub(super) struct Write<F, T> {
    pub(super) work: Option<F>,
    pub(super) result: Option<Result<T, Error>>,
    pub(super) to: oneshot::Sender<Result<T, Error>>,
}

impl<T: Send, F: FnOnce(&Tx<'_>) -> Result<T, Error> + Send> Request for Write<F, T> {
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        let result = catch_unwind(AssertUnwindSafe(|| work(tx))).unwrap_or_else(|_| {
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
        // Whoever asked may have gone away; the write stands all the same.
        let _ = self.to.send(answer);
    }
}

/// The state of the writer thread.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) requests: Receiver<Box<dyn Request>>,
    pub(super) log: PathBuf,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) outbox: Arc<Board>,
    pub(super) commits: watch::Sender<u64>,
    pub(super) fatal: watch::Sender<Option<String>>,
}

impl Writer {
    /// Runs until every handle to the store is gone, then empties the log.
    pub(super) fn run(self) {
        let mut dirty = false;
        loop {
            self.observer.alive();
            let first = match self.requests.recv_timeout(IDLE) {
                Ok(request) => request,
                Err(RecvTimeoutError::Timeout) => {
                    if dirty {
                        self.checkpoint("PASSIVE");
                        dirty = false;
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut batch = vec![first];
            batch.extend(self.requests.try_iter().take(BATCH_MAX - 1));
            self.batch(batch);
            dirty = true;
            if std::fs::metadata(&self.log).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
                self.checkpoint("TRUNCATE");
            }
        }
        self.checkpoint("TRUNCATE");
    }

    fn batch(&self, mut batch: Vec<Box<dyn Request>>) {
        let started = Instant::now();
        let done = self.transaction(&mut batch);
        let committed = done.as_ref().map(|_| ()).map_err(Clone::clone);
        match done {
            Ok(news) => {
                self.outbox.publish(news);
                self.commits.send_modify(|n| *n += 1);
                self.observer.committed(batch.len(), started.elapsed());
            }
            Err(_) => self.observer.failed(),
        }
        for request in batch {
            request.answer(committed.clone());
        }
    }

    fn transaction(&self, batch: &mut [Box<dyn Request>]) -> Result<OutboxNews, Error> {
        if let Some(why) = self.fatal.borrow().clone() {
            return Err(Error::Unavailable(why));
        }
        self.begin()?;
        let mut news = OutboxNews::default();
        let done = batch
            .iter_mut()
            .try_for_each(|request| {
                news.merge(self.one(request.as_mut())?);
                Ok(())
            })
            .and_then(|()| self.commit());
        if done.is_err() && !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        done.map(|()| news)
    }

    /// Runs one request in its savepoint. An error means that the whole transaction is gone: a full disk rolls everything back.
    fn one(&self, request: &mut dyn Request) -> Result<OutboxNews, Error> {
        self.observer.alive();
        self.conn.execute_batch("SAVEPOINT request")?;
        let tx = Tx::new(&self.conn);
        let keep = request.run(&tx);
        if self.conn.is_autocommit() {
            return Err(Error::Unavailable(
                "the disk is full or failing; the transaction was rolled back".to_owned(),
            ));
        }
        self.conn.execute_batch(if keep {
            "RELEASE request"
        } else {
            "ROLLBACK TO request; RELEASE request"
        })?;
        Ok(if keep {
            tx.news.into_inner()
        } else {
            OutboxNews::default()
        })
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
            self.stop_after_failed_fsync(&error);
            Error::Unavailable(format!("the commit failed: {error}"))
        })
    }

    fn checkpoint(&self, mode: &str) {
        let result = self
            .conn
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        if let Err(error) = result {
            self.stop_after_failed_fsync(&error);
            tracing::warn!(%error, mode, "the write-ahead log could not be copied into the database; it is tried again");
        }
    }

    fn stop_after_failed_fsync(&self, error: &rusqlite::Error) {
        if is_failed_fsync(error) {
            self.fatal.send_replace(Some(format!(
                "the disk failed to make a write durable ({error}); what is on disk is unknown until a restart"
            )));
        }
    }
}
