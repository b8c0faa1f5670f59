//! The state of polling for each account: when it is checked next, and how far its relations list has been read.

use rusqlite::{OptionalExtension, Row, params};

use super::enrollments::{OPEN, OpenScope};
use super::row::{id, timestamp};
use super::{Error, Reader, Tx};
use crate::domain::ids::{AccountId, CampaignId};
use crate::domain::time::Timestamp;

/// A poll that was interrupted between two pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The cursor of the next page.
    pub cursor: String,
    /// The newest relation when the poll started.
    pub top: Option<String>,
    /// The `look_seq` when the poll started.
    pub seq: i64,
    /// How often page one was read since the last page of the walk.
    pub firsts: u32,
    /// The number of relations read so far.
    pub read: u32,
    /// The number of empty pages in a row, up to the last page read.
    pub empty: u32,
    /// Whether the list turned out not to be newest first.
    pub unordered: bool,
    /// The time of the oldest relation of the last page that has any.
    pub oldest: Option<Timestamp>,
}

/// The state of an account's polling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollRow {
    /// The account.
    pub account: AccountId,
    /// When the next tick is due. `None` before the first one.
    pub due_at: Option<Timestamp>,
    /// Whether a person requested a poll.
    pub asked: bool,
    /// Whether the daemon itself requested a poll, because a cursor expired or a prospect can't be looked up by id.
    pub again: bool,
    /// Whether a person requested a poll during the current outage of the account. A trigger clears it when an outage begins or
    /// ends.
    pub probe_asked: bool,
    /// How often a poll was requested, by persons and by the daemon.
    pub asks: i64,
    /// When the last probe was made.
    pub probed_at: Option<Timestamp>,
    /// Incremented whenever an enrollment appears or gains an identity or an invite.
    pub look_seq: i64,
    /// The `look_seq` that the last finished poll covered.
    pub done_seq: i64,
    /// The newest relation at the start of the last finished poll.
    pub watermark: Option<String>,
    /// The interrupted poll.
    pub walk: Option<Walk>,
    /// When a poll last finished.
    pub last_poll_at: Option<Timestamp>,
}

/// How far back polls look for accepts, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollRange {
    /// `poll.lookback` in milliseconds.
    pub lookback_ms: i64,
    /// `poll.horizon` in milliseconds.
    pub horizon_ms: i64,
}

impl PollRange {
    fn written(self) -> Vec<u8> {
        format!("{} {}", self.lookback_ms, self.horizon_ms).into_bytes()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (lookback, horizon) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        Some(Self {
            lookback_ms: lookback.parse().ok()?,
            horizon_ms: horizon.parse().ok()?,
        })
    }
}

fn poll(row: &Row<'_>) -> rusqlite::Result<PollRow> {
    let walk = match row.get::<_, Option<String>>("walk_cursor")? {
        None => None,
        Some(cursor) => Some(Walk {
            cursor,
            top: row.get("walk_top")?,
            seq: row.get("walk_seq")?,
            firsts: row.get("walk_firsts")?,
            read: row.get("walk_read")?,
            empty: row.get("walk_empty")?,
            unordered: row.get("walk_unordered")?,
            oldest: timestamp(row, "walk_oldest")?,
        }),
    };
    Ok(PollRow {
        account: id(row, "account_id")?,
        due_at: timestamp(row, "due_at")?,
        asked: row.get("asked")?,
        again: row.get("again")?,
        probe_asked: row.get("probe_asked")?,
        asks: row.get("asks")?,
        probed_at: timestamp(row, "probed_at")?,
        look_seq: row.get("look_seq")?,
        done_seq: row.get("done_seq")?,
        watermark: row.get("watermark")?,
        walk,
        last_poll_at: timestamp(row, "last_poll_at")?,
    })
}

impl Reader<'_> {
    /// Returns the polling state of an account, or `None` if it never had an enrollment.
    pub fn poll_row(&self, account: &AccountId) -> Result<Option<PollRow>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM account_poll WHERE account_id = ?1")?
            .query_row([account.as_str()], poll)
            .optional()?)
    }

    /// Returns the accounts that are due for a check at `now`, the longest waiting first.
    pub fn accounts_to_check(&self, now: Timestamp, limit: usize) -> Result<Vec<AccountId>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached(
                "SELECT account_id FROM account_poll WHERE next_look_at <= ?1 ORDER BY next_look_at LIMIT ?2",
            )?
            .query_map(params![now.0, limit], |row| id(row, "account_id"))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Returns when the next check of any account is due.
    pub fn next_check_at(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT min(next_look_at) FROM account_poll WHERE next_look_at IS NOT NULL",
            )?
            .query_row([], |row| row.get::<_, Option<i64>>(0))?
            .map(Timestamp))
    }

    /// Returns when the next tick of any account is due.
    pub fn next_poll_due(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT min(due_at) FROM account_poll")?
            .query_row([], |row| row.get::<_, Option<i64>>(0))?
            .map(Timestamp))
    }

    /// Returns the bound of a poll: its oldest open invite minus one day, or the creation of an open enrollment without an invite
    /// minus `lookback_ms`, whichever is earlier. `None` if nothing is open. See docs/rules/polling.md.
    pub fn poll_bound(
        &self,
        account: &AccountId,
        scope: OpenScope,
        lookback_ms: i64,
    ) -> Result<Option<Timestamp>, Error> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT min(coalesce(e.invited_at - 86400000, e.created_at - ?3))
                 FROM enrollments e JOIN campaigns c ON c.id = e.campaign_id
                 WHERE {OPEN} AND e.account_id IN
                   (SELECT ?2 UNION ALL SELECT alias FROM account_aliases WHERE account_id = ?2)"
            ))?
            .query_row(
                params![scope.since.0, account.as_str(), lookback_ms],
                |row| row.get::<_, Option<i64>>(0),
            )?
            .map(Timestamp))
    }
}

impl Tx<'_> {
    /// Schedules a check of an account for `now`. Set `deeper` if an enrollment appeared or gained an identity or an invite, so
    /// that the next poll reads down to its bound.
    pub fn schedule_check(
        &self,
        account: &AccountId,
        deeper: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.notify_polls();
        self.conn
            .prepare_cached(
                "INSERT INTO account_poll (account_id, next_look_at) VALUES
                   (coalesce((SELECT account_id FROM account_aliases WHERE alias = ?1), ?1), ?3)
                 ON CONFLICT (account_id) DO UPDATE SET look_seq = look_seq + ?2,
                   next_look_at = min(coalesce(next_look_at, ?3), ?3)",
            )?
            .execute(params![account.as_str(), deeper, now.0])?;
        Ok(())
    }

    /// Schedules a check of every account. Returns how many there are.
    pub fn check_all_accounts(&self, now: Timestamp) -> Result<usize, Error> {
        self.notify_polls();
        Ok(self
            .conn
            .execute("UPDATE account_poll SET next_look_at = ?1", [now.0])?)
    }

    /// Requests a poll of every account on behalf of a person. Returns how many there are.
    pub fn request_poll_of_all(&self, now: Timestamp) -> Result<usize, Error> {
        self.notify_polls();
        Ok(self.conn.execute(
            "UPDATE account_poll SET next_look_at = ?1, asked = 1, asks = asks + 1, probe_asked =
               EXISTS (SELECT 1 FROM accounts a WHERE a.id = account_id AND a.outage_since IS NOT NULL)",
            [now.0],
        )?)
    }

    /// Requests a poll of this account on behalf of a person. During an outage, that is a probe.
    pub fn request_poll(&self, account: &AccountId, now: Timestamp) -> Result<(), Error> {
        let account = &self.canonical_account(account)?;
        self.schedule_check(account, false, now)?;
        self.conn.execute(
            "UPDATE account_poll SET asked = 1, asks = asks + 1, probe_asked =
               EXISTS (SELECT 1 FROM accounts a WHERE a.id = account_id AND a.outage_since IS NOT NULL)
             WHERE account_id = ?1",
            [account.as_str()],
        )?;
        Ok(())
    }

    /// Requests a poll of this account on behalf of the daemon. That is never a probe.
    pub fn request_own_poll(&self, account: &AccountId, now: Timestamp) -> Result<(), Error> {
        let account = &self.canonical_account(account)?;
        self.schedule_check(account, false, now)?;
        self.conn.execute(
            "UPDATE account_poll SET again = 1, asks = asks + 1 WHERE account_id = ?1",
            [account.as_str()],
        )?;
        Ok(())
    }

    /// Schedules a check of every account with an unaccepted enrollment in the campaign, because a change of its status decides
    /// which enrollments are open. Set `deeper` if enrollments became open.
    pub fn check_accounts_of_campaign(
        &self,
        campaign: &CampaignId,
        deeper: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.notify_polls();
        self.conn
            .prepare_cached(
                "UPDATE account_poll SET next_look_at = ?2, look_seq = look_seq + ?3
                 WHERE EXISTS (SELECT 1 FROM enrollments e
                   WHERE e.account_id IN (SELECT account_poll.account_id UNION ALL
                       SELECT alias FROM account_aliases WHERE account_id = account_poll.account_id) AND e.campaign_id = ?1
                     AND e.accepted_at IS NULL AND e.status NOT IN ('NOT_INTERESTED', 'DONE'))",
            )?
            .execute(params![campaign.as_str(), now.0, deeper])?;
        Ok(())
    }

    /// Stores how far back polls look. If that is further than before, or the previous range is unknown, there may be open
    /// enrollments that no poll covered. The next poll of every account then reads down to its bound.
    pub fn set_poll_range(&self, widths: PollRange, now: Timestamp) -> Result<(), Error> {
        self.notify_polls();
        let found: Option<Vec<u8>> = self
            .conn
            .query_row(
                "SELECT value FROM meta WHERE key = 'poll_widths'",
                [],
                |row| row.get(0),
            )
            .optional()?;
        let before = found.as_deref().and_then(PollRange::read);
        if before == Some(widths) {
            return Ok(());
        }
        let wider = before.is_none_or(|before| {
            widths.lookback_ms > before.lookback_ms || widths.horizon_ms > before.horizon_ms
        });
        if wider {
            self.conn.execute(
                "UPDATE account_poll SET next_look_at = ?1, look_seq = look_seq + 1",
                [now.0],
            )?;
        }
        self.conn.execute(
            "INSERT INTO meta (key, value) VALUES ('poll_widths', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [widths.written()],
        )?;
        Ok(())
    }

    /// Sets when an account is checked next. `None` means: not before something happens.
    pub fn set_next_check(
        &self,
        account: &AccountId,
        when: Option<Timestamp>,
    ) -> Result<(), Error> {
        self.conn
            .prepare_cached("UPDATE account_poll SET next_look_at = ?2 WHERE account_id = ?1")?
            .execute(params![account.as_str(), when.map(|at| at.0)])?;
        Ok(())
    }

    /// Stores the polling state of an account, except for the counters of requests.
    pub fn set_poll(&self, row: &PollRow) -> Result<(), Error> {
        let walk = row.walk.as_ref();
        self.conn
            .prepare_cached(
                "UPDATE account_poll SET due_at = ?2, asked = ?3, probed_at = ?4, done_seq = ?5, watermark = ?6,
                   walk_cursor = ?7, walk_top = ?8, walk_seq = ?9, walk_firsts = ?10, walk_read = ?11, walk_empty = ?12,
                   last_poll_at = ?13, again = ?14, probe_asked = ?15, walk_unordered = ?16, walk_oldest = ?17
                 WHERE account_id = ?1",
            )?
            .execute(params![
                row.account.as_str(),
                row.due_at.map(|at| at.0),
                row.asked,
                row.probed_at.map(|at| at.0),
                row.done_seq,
                row.watermark,
                walk.map(|w| &w.cursor),
                walk.and_then(|w| w.top.as_ref()),
                walk.map_or(0, |w| w.seq),
                walk.map_or(0, |w| w.firsts),
                walk.map_or(0, |w| w.read),
                walk.map_or(0, |w| w.empty),
                row.last_poll_at.map(|at| at.0),
                row.again,
                row.probe_asked,
                walk.is_some_and(|w| w.unordered),
                walk.and_then(|w| w.oldest).map(|at| at.0),
            ])?;
        Ok(())
    }
}
