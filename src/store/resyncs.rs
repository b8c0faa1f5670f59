//! Resyncs of one prospect that were promised: they survive a restart, and requests for the same prospect collapse.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::row::{id, ms};
use super::{Error, Reader, Tx};
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::time::Timestamp;

/// A resync of one prospect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncRow {
    /// Its id.
    pub id: String,
    /// The account that looks.
    pub account: AccountId,
    /// The prospect.
    pub enrollment: EnrollmentId,
    /// Whether a poll of the account does it, because no id of the prospect can be asked for.
    pub by_poll: bool,
    /// Whether the provider wants the path with a slash.
    pub slashed: bool,
    /// The calls made for it that brought nothing.
    pub attempts: u32,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When its call was expected then.
    pub due_at: Timestamp,
    /// When its call was made.
    pub called_at: Option<Timestamp>,
}

fn resync(row: &Row<'_>) -> rusqlite::Result<ResyncRow> {
    Ok(ResyncRow {
        id: row.get("id")?,
        account: id(row, "account_id")?,
        enrollment: id(row, "enrollment_id")?,
        by_poll: row.get("by_poll")?,
        slashed: row.get("slashed")?,
        attempts: row.get("attempts")?,
        asked_at: Timestamp(row.get("asked_at")?),
        due_at: Timestamp(row.get("due_at")?),
        called_at: ms(row, "called_at")?,
    })
}

impl Reader<'_> {
    /// The resync that a request for this prospect collapses into. One that was promised for another account, before the
    /// enrollment moved, says nothing of this one.
    pub fn live_resync(
        &self,
        enrollment: &EnrollmentId,
        now: Timestamp,
    ) -> Result<Option<ResyncRow>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT * FROM resyncs WHERE enrollment_id = ?1 AND (called_at IS NULL OR collapse_until > ?2)
                   AND account_id = (SELECT account_id FROM enrollments WHERE id = ?1)
                 ORDER BY asked_at DESC LIMIT 1",
            )?
            .query_row(params![enrollment.as_str(), now.0], resync)
            .optional()?)
    }

    /// How many calls for resyncs of an account are still to be made.
    pub fn resyncs_waiting(&self, account: &AccountId) -> Result<u32, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM resyncs WHERE account_id = ?1 AND called_at IS NULL AND by_poll = 0",
            )?
            .query_row([account.as_str()], |row| row.get(0))?)
    }

    /// The oldest resync of an account whose call is still to be made.
    pub fn next_resync(&self, account: &AccountId) -> Result<Option<ResyncRow>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT * FROM resyncs WHERE account_id = ?1 AND called_at IS NULL AND by_poll = 0
                 ORDER BY asked_at, id LIMIT 1",
            )?
            .query_row([account.as_str()], resync)
            .optional()?)
    }
}

impl Tx<'_> {
    /// Writes down a resync that is promised.
    pub fn insert_resync(&self, row: &ResyncRow) -> Result<(), Error> {
        self.conn.execute(
            "INSERT INTO resyncs (id, account_id, enrollment_id, by_poll, asked_at, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                row.id,
                row.account.as_str(),
                row.enrollment.as_str(),
                row.by_poll,
                row.asked_at.0,
                row.due_at.0
            ],
        )?;
        Ok(())
    }

    /// Its call was made; requests collapse into it until `collapse_until`.
    pub fn resync_called(
        &self,
        id: &str,
        now: Timestamp,
        collapse_until: Timestamp,
    ) -> Result<(), Error> {
        self.conn.execute(
            "UPDATE resyncs SET called_at = ?2, collapse_until = ?3 WHERE id = ?1",
            params![id, now.0, collapse_until.0],
        )?;
        // Older ones of the same prospect have served; the table stays small.
        self.conn.execute(
            "DELETE FROM resyncs WHERE collapse_until < ?1 - 86400000",
            [now.0],
        )?;
        Ok(())
    }

    /// Those of an account whose prospect was stamped meanwhile, or is another account's now, need no call. Requests collapse into
    /// them until `spacing` after the call would have been made.
    pub fn resyncs_answered(
        &self,
        account: &AccountId,
        now: Timestamp,
        spacing: Duration,
    ) -> Result<(), Error> {
        let spacing_ms = i64::try_from(spacing.as_millis()).unwrap_or(i64::MAX);
        self.conn
            .prepare_cached(
                "UPDATE resyncs SET called_at = ?2, collapse_until = max(due_at, ?2) + min(?3, 9000000000000000)
                 WHERE account_id = ?1 AND called_at IS NULL AND EXISTS (
                   SELECT 1 FROM enrollments e WHERE e.id = resyncs.enrollment_id
                     AND (e.accepted_at IS NOT NULL OR e.account_id <> ?1))",
            )?
            .execute(params![account.as_str(), now.0, spacing_ms])?;
        Ok(())
    }

    /// A poll that left at `left_at` was made: the resyncs of this account that waited for it then are answered.
    pub fn resyncs_polled(
        &self,
        account: &AccountId,
        left_at: Timestamp,
        now: Timestamp,
        spacing: Duration,
    ) -> Result<(), Error> {
        self.conn.execute(
            "UPDATE resyncs SET called_at = ?3, collapse_until = ?4
             WHERE account_id = ?1 AND by_poll = 1 AND called_at IS NULL AND asked_at <= ?2",
            params![account.as_str(), left_at.0, now.0, now.plus(spacing).0],
        )?;
        Ok(())
    }

    /// Its call brought nothing, and is made again.
    pub fn resync_failed(&self, id: &str, slashed: bool) -> Result<(), Error> {
        self.conn.execute(
            "UPDATE resyncs SET attempts = attempts + 1, slashed = ?2 WHERE id = ?1",
            params![id, slashed],
        )?;
        Ok(())
    }
}
