//! When the write-ahead log is copied back into the database. The writer does it between two transactions, and never waits long
//! for a reader that keeps an old state open.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The pages that the log gains between two copies while the writer is busy: 16 MB of 4 KB pages.
const PAGES_PER_COPY: u64 = (16 << 20) / 4096;
/// The pages in the log above which it is emptied by force if no reader stands in the way: 64 MB.
const PAGES_MAX: u64 = (64 << 20) / 4096;
/// How long a forced emptying waits for readers. A write can be late by so much, once in each pause.
const WAIT: Duration = Duration::from_millis(10);
/// The pause after an attempt that a reader stood in the way of; it doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_LONGEST: Duration = Duration::from_secs(32);

/// How a checkpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Copied {
    /// Pages in the log.
    log: u64,
    /// Pages of it that are in the database.
    done: u64,
    /// Whether a reader stood in the way.
    blocked: bool,
}

/// What the writer remembers of its log.
#[derive(Default)]
pub(super) struct Upkeep {
    /// The pages in the log after the last commit.
    pages: Arc<AtomicU64>,
    /// The pages in the log after the last copy.
    copied_at: Cell<u64>,
    /// No emptying by force before this time, and the pause after the next failure.
    retry: Cell<Option<(Instant, Duration)>>,
}

impl Upkeep {
    /// Learns from every commit on this connection how long the log is.
    pub(super) fn watching(conn: &mut Connection) -> rusqlite::Result<Self> {
        let upkeep = Self::default();
        let pages = upkeep.pages.clone();
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, in_log: i32| {
            pages.store(u64::from(in_log.max(0).unsigned_abs()), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(upkeep)
    }

    /// After a transaction: copies when the log has grown enough.
    pub(super) fn after_commit(&self, conn: &Connection) -> rusqlite::Result<()> {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.copied_at.get() {
            // It began anew.
            self.copied_at.set(0);
        }
        if pages > PAGES_MAX && self.may_force() {
            return self.empty(conn);
        }
        if pages >= self.copied_at.get() + PAGES_PER_COPY {
            self.copy(conn)?;
        }
        Ok(())
    }

    /// While there is nothing to write. Returns whether everything is copied.
    pub(super) fn when_idle(&self, conn: &Connection) -> rusqlite::Result<bool> {
        if self.pages.load(Ordering::Relaxed) > PAGES_MAX && self.may_force() {
            self.empty(conn)?;
        }
        let copied = self.copy(conn)?;
        Ok(copied.done >= copied.log)
    }

    /// Copies what no reader needs any more, and waits for nobody. When all is copied and no reader uses the log, the next
    /// transaction begins it anew.
    fn copy(&self, conn: &Connection) -> rusqlite::Result<Copied> {
        let copied = checkpoint(conn, "PASSIVE")?;
        self.copied_at.set(copied.log);
        Ok(copied)
    }

    /// Copies everything and cuts the log to nothing, unless a reader stays for longer than [`WAIT`].
    fn empty(&self, conn: &Connection) -> rusqlite::Result<()> {
        conn.busy_timeout(WAIT)?;
        let copied = checkpoint(conn, "TRUNCATE");
        conn.busy_timeout(super::open::WRITER_BUSY)?;
        let copied = copied?;
        self.copied_at.set(copied.log);
        let pause = self.retry.get().map_or(PAUSE, |(_, pause)| pause);
        if copied.blocked {
            let next = (pause * 2).min(PAUSE_LONGEST);
            self.retry.set(Some((Instant::now() + pause, next)));
        } else {
            self.pages.store(0, Ordering::Relaxed);
            self.retry.set(None);
        }
        Ok(())
    }

    fn may_force(&self) -> bool {
        self.retry
            .get()
            .is_none_or(|(not_before, _)| Instant::now() >= not_before)
    }

    /// At the end of the store: as much as can be copied is, and the log is cut if nobody else reads.
    pub(super) fn at_end(&self, conn: &Connection) -> rusqlite::Result<()> {
        checkpoint(conn, "TRUNCATE").map(|_| ())
    }
}

fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<Copied> {
    conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let pages = |i| Ok::<_, rusqlite::Error>(row.get::<_, i64>(i)?.max(0).unsigned_abs());
        Ok(Copied {
            blocked: row.get(0)?,
            log: pages(1)?,
            done: pages(2)?,
        })
    })
}
