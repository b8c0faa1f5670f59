//! Checkpoints: copying the write-ahead log into the database on purpose, so that no write waits for a long copy.
//!
//! A thread with its own connection copies the log while the writer goes on. The writer itself only finishes a copy that is almost
//! complete, after which SQLite reuses the log from its beginning. If the log grows too long all the same, the writer truncates it,
//! but never waits long for a reader that keeps an old state open.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::watch;

use super::error::is_failed_fsync;
use super::{OpenError, open};

/// The bytes that the log gains between two copies by the thread.
const COPY_EVERY: u64 = 16 << 20;
/// The most bytes that the writer copies itself to finish a copy. This takes it a few milliseconds.
const FINISH_MAX: u64 = 1 << 20;
/// The size of the log above which the writer truncates it.
const TRUNCATE_ABOVE: u64 = 64 << 20;
/// How long a truncation waits for readers. It delays writes by this long at most, once in each pause.
const WAIT: Duration = Duration::from_millis(10);
/// The pause after a truncation that a reader prevented. It doubles up to the longest pause.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_LONGEST: Duration = Duration::from_secs(32);

/// The result of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checkpoint {
    /// The pages in the log.
    log: u64,
    /// The pages of the log that are in the database.
    copied: u64,
    /// Whether a reader or another checkpoint prevented it.
    blocked: bool,
}

/// What the writer and the copying thread know about the log.
#[derive(Default)]
struct Log {
    /// The pages in the log after the last commit.
    pages: AtomicU64,
    /// The pages that the last checkpoint found in the database.
    copied: AtomicU64,
    /// Whether the thread is copying.
    copying: AtomicBool,
}

impl Log {
    fn note(&self, done: Checkpoint) {
        self.copied.store(done.copied, Ordering::Relaxed);
    }

    /// Returns the pages that are not copied yet. If the log has started over since the last checkpoint, that is all of them.
    fn left(&self) -> u64 {
        let (pages, copied) = (
            self.pages.load(Ordering::Relaxed),
            self.copied.load(Ordering::Relaxed),
        );
        if pages < copied {
            self.copied.store(0, Ordering::Relaxed);
            return pages;
        }
        pages - copied
    }
}

/// The log when a copy was last started by the thread or finished by the writer, in pages.
#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    pages: u64,
    copied: u64,
}

/// Decides when the log is copied, and by whom. Belongs to the writer.
pub(super) struct Checkpoints {
    log: Arc<Log>,
    page_size: u64,
    /// Wakes the copying thread. `None` after the end.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// The state at the last copy.
    tried: Cell<Tried>,
    /// No truncation before this time, and the pause after the next failure.
    retry: Cell<Option<(Instant, Duration)>>,
}

impl Checkpoints {
    /// Starts the copying thread, and learns from every commit on the writer's connection how long the log is.
    pub(super) fn start(
        conn: &mut Connection,
        path: &Path,
        fatal: watch::Sender<Option<String>>,
    ) -> Result<Self, OpenError> {
        let log = Arc::<Log>::default();
        let to = log.clone();
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, in_log: i32| {
            to.pages
                .store(u64::from(in_log.max(0).unsigned_abs()), Ordering::Relaxed);
            Ok(())
        }))?;
        let page_size: i64 = conn.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let (wake, woken) = sync_channel(1);
        let (own, shared) = (open::checkpointer(path)?, log.clone());
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || copy_when_woken(&own, &woken, &shared, &fatal))
            .map_err(|error| OpenError::File {
                path: path.to_owned(),
                error,
            })?;
        Ok(Self {
            log,
            page_size: page_size.unsigned_abs(),
            wake: Some(wake),
            thread: Some(thread),
            tried: Cell::default(),
            retry: Cell::new(None),
        })
    }

    /// Called after each transaction: truncates a log that is too long, has a part of it copied, or finishes a copy.
    pub(super) fn after_commit(&self, conn: &Connection) -> rusqlite::Result<()> {
        if self.log.copying.load(Ordering::Acquire) {
            return Ok(());
        }
        let pages = self.log.pages.load(Ordering::Relaxed);
        let too_long = self.bytes(pages) > TRUNCATE_ABOVE;
        if too_long && self.may_truncate() {
            return self.truncate(conn);
        }
        let left = self.log.left();
        let copied = pages - left;
        if pages < self.tried.get().pages {
            self.tried.set(Tried::default());
        }
        let tried = self.tried.get();
        let grown = self.bytes(pages - tried.pages) >= COPY_EVERY;
        // Once a copy has begun, it goes on until it is complete, unless a reader prevents any progress.
        let goes_on = copied > tried.copied && self.bytes(pages) >= COPY_EVERY;
        if left == 0 || !(grown || goes_on) {
            return Ok(());
        }
        // If the thread can't keep up, writes have to wait.
        if self.bytes(left) > FINISH_MAX && !too_long {
            self.tried.set(Tried { pages, copied });
            self.copy_beside();
        } else {
            let copied = self.copy(conn)?.copied;
            self.tried.set(Tried { pages, copied });
        }
        Ok(())
    }

    /// Called while there is nothing to write. Returns whether everything is copied.
    pub(super) fn when_idle(&self, conn: &Connection) -> rusqlite::Result<bool> {
        if self.log.copying.load(Ordering::Acquire) {
            return Ok(false);
        }
        if self.bytes(self.log.pages.load(Ordering::Relaxed)) > TRUNCATE_ABOVE
            && self.may_truncate()
        {
            self.truncate(conn)?;
        }
        if self.bytes(self.log.left()) > FINISH_MAX {
            self.copy_beside();
            return Ok(false);
        }
        let done = self.copy(conn)?;
        Ok(done.copied >= done.log)
    }

    fn bytes(&self, pages: u64) -> u64 {
        pages * self.page_size
    }

    /// Has the thread copy what no reader needs any more.
    fn copy_beside(&self) {
        self.log.copying.store(true, Ordering::Release);
        let woken = self
            .wake
            .as_ref()
            .is_some_and(|wake| wake.try_send(()).is_ok());
        if !woken {
            self.log.copying.store(false, Ordering::Release);
        }
    }

    /// Copies what no reader needs any more, without waiting for anyone. If everything is copied and no reader uses the log, the
    /// next transaction reuses it from its beginning.
    fn copy(&self, conn: &Connection) -> rusqlite::Result<Checkpoint> {
        let done = checkpoint(conn, "PASSIVE")?;
        self.log.note(done);
        Ok(done)
    }

    /// Copies everything and truncates the log, unless a reader stays for longer than [`WAIT`].
    fn truncate(&self, conn: &Connection) -> rusqlite::Result<()> {
        conn.busy_timeout(WAIT)?;
        let done = checkpoint(conn, "TRUNCATE");
        conn.busy_timeout(open::WRITER_BUSY)?;
        let done = done?;
        self.log.note(done);
        let pause = self.retry.get().map_or(PAUSE, |(_, pause)| pause);
        if done.blocked {
            let next = (pause * 2).min(PAUSE_LONGEST);
            self.retry.set(Some((Instant::now() + pause, next)));
        } else {
            self.log.pages.store(0, Ordering::Relaxed);
            self.retry.set(None);
        }
        Ok(())
    }

    fn may_truncate(&self) -> bool {
        self.retry
            .get()
            .is_none_or(|(not_before, _)| Instant::now() >= not_before)
    }

    /// Called at the end of the store: stops the thread, copies as much as possible, and truncates the log if nobody else reads.
    pub(super) fn at_end(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            // The thread reports its errors itself.
            let _ = thread.join();
        }
        checkpoint(conn, "TRUNCATE").map(|_| ())
    }
}

/// Copies the log whenever it is woken, until the writer has ended.
fn copy_when_woken(
    conn: &Connection,
    woken: &Receiver<()>,
    log: &Log,
    fatal: &watch::Sender<Option<String>>,
) {
    while woken.recv().is_ok() {
        match checkpoint(conn, "PASSIVE") {
            Ok(done) => log.note(done),
            Err(error) => report(&error, fatal),
        }
        log.copying.store(false, Ordering::Release);
    }
}

/// Logs a failed checkpoint. After a failed fsync, the process must not acknowledge anything more.
pub(super) fn report(error: &rusqlite::Error, fatal: &watch::Sender<Option<String>>) {
    stop_after_failed_fsync(error, fatal);
    tracing::warn!(%error, "checkpoint failed, will be tried again");
}

/// Makes a failed fsync final for this process.
pub(super) fn stop_after_failed_fsync(
    error: &rusqlite::Error,
    fatal: &watch::Sender<Option<String>>,
) {
    if is_failed_fsync(error) {
        fatal.send_replace(Some(format!(
            "fsync failed ({error}), so it is unknown what is on disk; restart acceptd to find out"
        )));
    }
}

fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<Checkpoint> {
    conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let pages = |i| Ok::<_, rusqlite::Error>(row.get::<_, i64>(i)?.max(0).unsigned_abs());
        Ok(Checkpoint {
            blocked: row.get(0)?,
            log: pages(1)?,
            copied: pages(2)?,
        })
    })
}
