//! Removing expired rows in small steps. Each step reads a bounded number of rows, so that it occupies the writer only briefly.

use rusqlite::params;

use super::{Error, Tx};
use crate::domain::time::Timestamp;

/// The result of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneStep {
    /// How many rows it removed.
    pub removed: usize,
    /// The row after which the next step continues. `None` after the last step.
    pub next: Option<i64>,
}

impl Tx<'_> {
    /// Reads the next `rows_max` ledger rows after row `after` (0: from the start). Removes rows received before `before` that are
    /// unmatched, ambiguous, duplicate or ignored, or whose enrollments are all accepted or closed. Evidence that was received at or
    /// after `waits_since` stays: it may still stamp an enrollment that is created later. The providers' event ids stay too.
    pub fn prune_signals(
        &self,
        before: Timestamp,
        waits_since: Timestamp,
        after: i64,
        rows_max: u32,
    ) -> Result<PruneStep, Error> {
        let window = "SELECT max(id), min(received_at) FROM
            (SELECT id, received_at FROM signals WHERE id > ?1 ORDER BY id LIMIT ?2)";
        self.prune_step(window, before, after, rows_max, |last| {
            self.conn
                .prepare_cached(
                    "DELETE FROM signals WHERE id > ?1 AND id <= ?2 AND received_at < ?3
                       AND (evidence IS NULL OR received_at < ?4)
                       AND (outcome IN ('unmatched', 'ambiguous', 'duplicate', 'ignored')
                         OR NOT EXISTS (
                           SELECT 1 FROM signal_enrollments t JOIN enrollments e ON e.id = t.enrollment_id
                           WHERE t.signal_id = signals.id AND e.accepted_at IS NULL
                             AND e.status NOT IN ('NOT_INTERESTED', 'DONE')))",
                )?
                .execute(params![after, last, before.0, waits_since.0])
        })
    }

    /// Reads the next `rows_max` deliveries after row `after` (0: from the start) and removes those that were delivered before
    /// `before`. Their events stay, and so do dead and held deliveries.
    pub fn prune_deliveries(
        &self,
        before: Timestamp,
        after: i64,
        rows_max: u32,
    ) -> Result<PruneStep, Error> {
        let window = "SELECT max(id), min(created_at) FROM
            (SELECT id, created_at FROM deliveries WHERE id > ?1 ORDER BY id LIMIT ?2)";
        self.prune_step(window, before, after, rows_max, |last| {
            self.conn
                .prepare_cached(
                    "DELETE FROM deliveries
                     WHERE id > ?1 AND id <= ?2 AND state = 'delivered' AND delivered_at < ?3",
                )?
                .execute(params![after, last, before.0])
        })
    }

    /// Reads the next `rows_max` changes after row `after` (0: from the start) and removes those older than `before`.
    pub fn prune_changes(
        &self,
        before: Timestamp,
        after: i64,
        rows_max: u32,
    ) -> Result<PruneStep, Error> {
        let window = "SELECT max(seq), min(at) FROM
            (SELECT seq, at FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2)";
        self.prune_step(window, before, after, rows_max, |last| {
            self.conn
                .prepare_cached("DELETE FROM changes WHERE seq > ?1 AND seq <= ?2 AND at < ?3")?
                .execute(params![after, last, before.0])
        })
    }

    /// Reads the next `rows_max` rows of the audit trail after row `after` (0: from the start) and removes those older than `before`.
    pub fn prune_audit(
        &self,
        before: Timestamp,
        after: i64,
        rows_max: u32,
    ) -> Result<PruneStep, Error> {
        let window = "SELECT max(id), min(at) FROM
            (SELECT id, at FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2)";
        self.prune_step(window, before, after, rows_max, |last| {
            self.conn
                .prepare_cached("DELETE FROM audit WHERE id > ?1 AND id <= ?2 AND at < ?3")?
                .execute(params![after, last, before.0])
        })
    }

    /// `window` selects the last row of the step and the oldest time in it. Rows are in the order of time, unless the clock was set
    /// back. A window without any expired row is the last one.
    fn prune_step(
        &self,
        window: &str,
        before: Timestamp,
        after: i64,
        rows_max: u32,
        remove: impl FnOnce(i64) -> rusqlite::Result<usize>,
    ) -> Result<PruneStep, Error> {
        let (last, oldest): (Option<i64>, Option<i64>) = self
            .conn
            .prepare_cached(window)?
            .query_row(params![after, rows_max], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        match (last, oldest) {
            (Some(last), Some(oldest)) if oldest < before.0 => Ok(PruneStep {
                removed: remove(last)?,
                next: Some(last),
            }),
            _ => Ok(PruneStep {
                removed: 0,
                next: None,
            }),
        }
    }
}
