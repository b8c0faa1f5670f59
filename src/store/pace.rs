//! When each account was called last: the floor under its spacing, which survives restarts and crashes (contract section 9).

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::row::{id, ms};
use super::{Error, Reader, Tx};
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;

/// The pace of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaceRow {
    /// When the call that is under way began; `None` when none is.
    pub started_at: Option<Timestamp>,
    /// When the last call ended.
    pub ended_at: Option<Timestamp>,
    /// The random extra on top of the spacing, drawn when the last call ended.
    pub extra_ms: i64,
    /// The UTC day that `calls` counts.
    pub day: i64,
    /// The calls of that day.
    pub calls: u32,
    /// The length of the last back-off; zero after a call that worked.
    pub backoff_ms: i64,
    /// No call before this time.
    pub backoff_until: Option<Timestamp>,
}

impl PaceRow {
    /// The calls that count against the budget of the day of `now`. A day from the future (the clock was behind) still counts.
    #[must_use]
    pub fn calls_today(&self, now: Timestamp) -> u32 {
        if self.day < now.utc_day() {
            0
        } else {
            self.calls
        }
    }
}

impl Reader<'_> {
    /// The pace of an account; one that was never called has none.
    pub fn pace(&self, account: &AccountId) -> Result<PaceRow, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM account_pace WHERE account_id = ?1")?
            .query_row([account.as_str()], |row| {
                Ok(PaceRow {
                    started_at: ms(row, "started_at")?,
                    ended_at: ms(row, "ended_at")?,
                    extra_ms: row.get("extra_ms")?,
                    day: row.get("day")?,
                    calls: row.get("calls")?,
                    backoff_ms: row.get("backoff_ms")?,
                    backoff_until: ms(row, "backoff_until")?,
                })
            })
            .optional()?
            .unwrap_or_default())
    }

    /// The calls of the UTC day of `now`, for each account that made any.
    pub fn calls_today(&self, now: Timestamp) -> Result<HashMap<AccountId, u32>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT account_id, calls FROM account_pace WHERE day >= ?1 AND calls > 0",
            )?
            .query_map([now.utc_day()], |row| {
                Ok((id(row, "account_id")?, row.get("calls")?))
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    /// Writes the pace of an account.
    pub fn set_pace(&self, account: &AccountId, pace: &PaceRow) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO account_pace (account_id, started_at, ended_at, extra_ms, day, calls, backoff_ms, backoff_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (account_id) DO UPDATE SET started_at = excluded.started_at, ended_at = excluded.ended_at,
                   extra_ms = excluded.extra_ms, day = excluded.day, calls = excluded.calls,
                   backoff_ms = excluded.backoff_ms, backoff_until = excluded.backoff_until",
            )?
            .execute(params![
                account.as_str(),
                pace.started_at.map(|at| at.0),
                pace.ended_at.map(|at| at.0),
                pace.extra_ms,
                pace.day,
                pace.calls,
                pace.backoff_ms,
                pace.backoff_until.map(|at| at.0),
            ])?;
        Ok(())
    }

    /// Calls that a process which died had under way count as ending now. Every account is looked at again.
    pub fn end_interrupted_calls(&self, now: Timestamp) -> Result<usize, Error> {
        let found = self.conn.execute(
            "UPDATE account_pace SET ended_at = ?1, started_at = NULL WHERE started_at IS NOT NULL",
            [now.0],
        )?;
        self.check_all_accounts(now)?;
        Ok(found)
    }
}
