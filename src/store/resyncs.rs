//! Requested resyncs of one prospect. They survive a restart, and repeated requests for the same prospect share one resync.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::row::{id, timestamp};
use super::{Error, Reader, Tx};
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::time::Timestamp;

/// A resync of one prospect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncRow {
    pub id: String,
    /// The account that makes the call.
    pub account: AccountId,
    /// The enrollment of the prospect.
    pub enrollment: EnrollmentId,
    /// Whether a poll of the account serves it, because the prospect has no id that a profile request accepts.
    pub by_poll: bool,
    /// Whether the provider requires a trailing slash in the path.
    pub slashed: bool,
    /// The number of failed calls.
    pub attempts: u32,
    /// When it was requested.
    pub asked_at: Timestamp,
    /// When its call was expected at the time of the request.
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
        called_at: timestamp(row, "called_at")?,
    })
}

impl Reader<'_> {
    /// Returns the resync that a new request for this prospect shares. A resync for another account, from before the enrollment
    /// moved, is not shared.
    pub fn live_resync(
        &self,
        enrollment: &EnrollmentId,
        now: Timestamp,
    ) -> Result<Option<ResyncRow>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT * FROM resyncs WHERE enrollment_id = ?1 AND (called_at IS NULL OR collapse_until > ?2)
                   AND account_id = (
                     SELECT coalesce((SELECT account_id FROM account_aliases WHERE alias = e.account_id), e.account_id)
                     FROM enrollments e WHERE e.id = ?1)
                 ORDER BY asked_at DESC LIMIT 1",
            )?
            .query_row(params![enrollment.as_str(), now.0], resync)
            .optional()?)
    }

    /// Counts the resyncs of an account whose calls are still to be made.
    pub fn resyncs_waiting(&self, account: &AccountId) -> Result<u32, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM resyncs WHERE account_id = ?1 AND called_at IS NULL AND by_poll = 0",
            )?
            .query_row([account.as_str()], |row| row.get(0))?)
    }

    /// Returns the oldest resync of an account whose call is still to be made.
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
    /// Stores a requested resync.
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

    /// Records that its call was made. Until `collapse_until`, new requests share this resync.
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
        // Resyncs that nobody asks about any more are removed, so that the table stays small.
        self.conn.execute(
            "DELETE FROM resyncs WHERE collapse_until < ?1 - 86400000",
            [now.0],
        )?;
        Ok(())
    }

    /// Finishes the resyncs of an account whose prospect was stamped meanwhile or moved to another account. They need no call. New
    /// requests share them until `spacing` after the call would have been made.
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
                     AND (e.accepted_at IS NOT NULL OR e.account_id NOT IN
                       (SELECT ?1 UNION ALL SELECT alias FROM account_aliases WHERE account_id = ?1)))",
            )?
            .execute(params![account.as_str(), now.0, spacing_ms])?;
        Ok(())
    }

    /// Finishes the resyncs of an account that waited for a poll when it started at `left_at`.
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

    /// Records a failed call. It will be repeated.
    pub fn resync_failed(&self, id: &str, slashed: bool) -> Result<(), Error> {
        self.conn.execute(
            "UPDATE resyncs SET attempts = attempts + 1, slashed = ?2 WHERE id = ?1",
            params![id, slashed],
        )?;
        Ok(())
    }
}
