//! Other ids of an account. An account has its pace, its polls and its health under one id, and enrollments keep the id they came with.

use rusqlite::{OptionalExtension, params};

use super::row::id;
use super::{Error, PaceRow, Reader, Tx};
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;

impl Reader<'_> {
    /// Returns the id under which an account has its pace, its polls and its health.
    pub fn canonical_account(&self, account: &AccountId) -> Result<AccountId, Error> {
        let found = self
            .conn
            .prepare_cached("SELECT account_id FROM account_aliases WHERE alias = ?1")?
            .query_row([account.as_str()], |row| id(row, "account_id"))
            .optional()?;
        Ok(found.unwrap_or_else(|| account.clone()))
    }

    /// Returns the aliases of an account.
    pub fn account_aliases(&self, account: &AccountId) -> Result<Vec<AccountId>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT alias FROM account_aliases WHERE account_id = ?1 ORDER BY alias",
            )?
            .query_map([account.as_str()], |row| id(row, "alias"))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Returns every id of an account, whichever of them is given. The canonical one comes first.
    pub fn account_ids(&self, account: &AccountId) -> Result<Vec<AccountId>, Error> {
        let canonical = self.canonical_account(account)?;
        let mut ids = self.account_aliases(&canonical)?;
        ids.insert(0, canonical);
        Ok(ids)
    }
}

impl Tx<'_> {
    /// Makes one account of two ids, both of which exist. What is known of the alias' pace counts for the account: the later end of a
    /// call, the calls of the day, the longer back-off and an unfinished call.
    pub fn merge_alias(
        &self,
        alias: &AccountId,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let account = self.canonical_account(account)?;
        if account == *alias || self.canonical_account(alias)? == account {
            return Ok(());
        }
        self.conn.execute(
            "DELETE FROM account_aliases WHERE alias = ?1",
            [alias.as_str()],
        )?;
        let further = self.account_aliases(alias)?;
        self.conn.execute(
            "DELETE FROM account_aliases WHERE account_id = ?1",
            [alias.as_str()],
        )?;
        for one in further.iter().chain([alias]) {
            self.conn.execute(
                "INSERT INTO account_aliases (alias, account_id) VALUES (?1, ?2)",
                params![one.as_str(), account.as_str()],
            )?;
        }
        let pace = merged(&self.pace(&account)?, &self.pace(alias)?);
        self.set_pace(&account, &pace)?;
        self.conn.execute(
            "DELETE FROM account_pace WHERE account_id = ?1",
            [alias.as_str()],
        )?;
        self.move_polls(alias, &account, now)?;
        self.conn.execute(
            "UPDATE resyncs SET account_id = ?2 WHERE account_id = ?1 AND called_at IS NULL",
            params![alias.as_str(), account.as_str()],
        )?;
        Ok(())
    }

    /// Moves the polls of an alias to its account. The next poll reads down to the bound, because the account looks for more people now.
    fn move_polls(
        &self,
        alias: &AccountId,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let moved = self.poll_row(alias)?;
        self.conn.execute(
            "DELETE FROM account_poll WHERE account_id = ?1",
            [alias.as_str()],
        )?;
        let Some(moved) = moved else {
            return Ok(());
        };
        self.schedule_check(account, true, now)?;
        if moved.asked || moved.again {
            self.conn.execute(
                "UPDATE account_poll SET asked = max(asked, ?2), again = max(again, ?3), asks = asks + 1 WHERE account_id = ?1",
                params![account.as_str(), moved.asked, moved.again],
            )?;
        }
        Ok(())
    }
}

/// The pace of one account that was known by two ids: never less strict than either.
fn merged(one: &PaceRow, other: &PaceRow) -> PaceRow {
    let later = if one.ended_at >= other.ended_at {
        one
    } else {
        other
    };
    let (day, calls) = match one.day.cmp(&other.day) {
        std::cmp::Ordering::Equal => (one.day, one.calls.saturating_add(other.calls)),
        std::cmp::Ordering::Less => (other.day, other.calls),
        std::cmp::Ordering::Greater => (one.day, one.calls),
    };
    PaceRow {
        started_at: one.started_at.max(other.started_at),
        ended_at: later.ended_at,
        extra_ms: later.extra_ms,
        day,
        calls,
        backoff_ms: one.backoff_ms.max(other.backoff_ms),
        backoff_until: one.backoff_until.max(other.backoff_until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merged_pace_is_never_less_strict_than_either() {
        let at = |ms| Some(Timestamp(ms));
        let one = PaceRow {
            started_at: None,
            ended_at: at(5_000),
            extra_ms: 7,
            day: 3,
            calls: 4,
            backoff_ms: 60_000,
            backoff_until: at(9_000),
        };
        let other = PaceRow {
            started_at: at(6_000),
            ended_at: at(4_000),
            extra_ms: 9,
            day: 3,
            calls: 5,
            backoff_ms: 0,
            backoff_until: None,
        };
        let both = PaceRow {
            started_at: at(6_000),
            calls: 9,
            ..one.clone()
        };
        assert_eq!(merged(&one, &other), both);
        assert_eq!(merged(&other, &one), both);
        let yesterday = PaceRow { day: 2, ..other };
        assert_eq!(merged(&one, &yesterday).calls, 4);
        assert_eq!(merged(&one, &PaceRow::default()), one);
    }
}
