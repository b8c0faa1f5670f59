//! When each account was last called. Stored, so that the spacing holds across restarts and crashes. See docs/rules/polling.md.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::row::{id, timestamp};
use super::{Error, Reader, Tx};
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;

/// The pace of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaceRow {
    /// When the call in progress started. `None` if there is none.
    pub started_at: Option<Timestamp>,
    /// When the last call ended.
    pub ended_at: Option<Timestamp>,
    /// The random extra on top of the spacing, drawn when the last call ended.
    pub extra_ms: i64,
    /// The UTC day of `calls`.
    pub day: i64,
    /// The number of calls on that day.
    pub calls: u32,
    /// The length of the last backoff. Zero after a successful call.
    pub backoff_ms: i64,
    /// No call is made before this time.
    pub backoff_until: Option<Timestamp>,
}

impl PaceRow {
    /// Returns the calls that count against today's budget. Calls on a future day, made before the clock was set back, still count.
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
    /// Returns the pace of an account, or the default for one that was never called.
    pub fn pace(&self, account: &AccountId) -> Result<PaceRow, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM account_pace WHERE account_id = ?1")?
            .query_row([account.as_str()], |row| {
                Ok(PaceRow {
                    started_at: timestamp(row, "started_at")?,
                    ended_at: timestamp(row, "ended_at")?,
                    extra_ms: row.get("extra_ms")?,
                    day: row.get("day")?,
                    calls: row.get("calls")?,
                    backoff_ms: row.get("backoff_ms")?,
                    backoff_until: timestamp(row, "backoff_until")?,
                })
            })
            .optional()?
            .unwrap_or_default())
    }

    /// Returns the number of calls on the UTC day of `now`, for each account with at least one.
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
    /// Stores the pace of an account.
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

    /// Ends the calls that a previous process did not finish, as of `now`, and schedules a check of every account. Returns the number
    /// of calls.
    pub fn end_interrupted_calls(&self, now: Timestamp) -> Result<usize, Error> {
        let found = self.conn.execute(
            "UPDATE account_pace SET ended_at = ?1, started_at = NULL WHERE started_at IS NOT NULL",
            [now.0],
        )?;
        self.check_all_accounts(now)?;
        Ok(found)
    }
}
