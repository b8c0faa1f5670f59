//! Accounts and their health.

use rusqlite::{OptionalExtension, Row, params};

use super::row::{id, timestamp, word};
use super::{Error, Reader, Tx};
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;

/// An account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// The provider's id of the account.
    pub id: AccountId,
    /// The provider through which it is connected.
    pub provider: Provider,
    /// When its outage began; `None` while it is healthy.
    pub outage_since: Option<Timestamp>,
    /// The provider's status word or error type for the outage.
    pub health_reason: Option<String>,
    /// The name that the provider shows.
    pub name: Option<String>,
    /// When acceptd first saw the account.
    pub created_at: Timestamp,
}

fn account(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: id(row, "id")?,
        provider: word(row, "provider")?,
        outage_since: timestamp(row, "outage_since")?,
        health_reason: row.get("health_reason")?,
        name: row.get("name")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}

impl Reader<'_> {
    /// Returns one account.
    pub fn account(&self, id: &AccountId) -> Result<Option<AccountRow>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM accounts WHERE id = ?1")?
            .query_row([id.as_str()], account)
            .optional()?)
    }

    /// Returns accounts in the order of their ids, starting after `after`. Aliases are left out.
    pub fn accounts(&self, after: Option<&str>, limit: usize) -> Result<Vec<AccountRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached("SELECT * FROM accounts WHERE id > ?1 AND id NOT IN (SELECT alias FROM account_aliases)
                 ORDER BY id LIMIT ?2")?
            .query_map(params![after.unwrap_or(""), limit], account)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    /// Sets the provider and the name of an account, as a provider's account list says.
    pub fn set_account_listing(
        &self,
        id: &AccountId,
        provider: Provider,
        name: Option<&str>,
    ) -> Result<(), Error> {
        self.notify_polls();
        self.conn
            .prepare_cached("UPDATE accounts SET provider = ?2, name = ?3 WHERE id = ?1")?
            .execute(params![id.as_str(), provider.as_str(), name])?;
        Ok(())
    }

    /// Creates the account if it does not exist. `first_named_by` becomes its provider only then: a known provider changes only
    /// through the configuration.
    pub fn ensure_account(
        &self,
        id: &AccountId,
        first_named_by: Provider,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO accounts (id, provider, created_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO NOTHING",
            )?
            .execute(params![id.as_str(), first_named_by.as_str(), now.0])?;
        Ok(())
    }

    /// Sets the provider to the one that the configuration names.
    pub fn set_account_provider(&self, id: &AccountId, provider: Provider) -> Result<(), Error> {
        self.conn.execute(
            "UPDATE accounts SET provider = ?2 WHERE id = ?1",
            params![id.as_str(), provider.as_str()],
        )?;
        Ok(())
    }

    /// Stores that the status of the account is bad. Returns when its outage began, and whether it began with this call.
    pub fn account_failed(
        &self,
        id: &AccountId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(Timestamp, bool), Error> {
        let before = self.account(id)?.and_then(|a| a.outage_since);
        self.conn.execute(
            "UPDATE accounts SET failing = 1, health = 'unhealthy', health_reason = ?2, outage_since = coalesce(outage_since, ?3)
             WHERE id = ?1",
            params![id.as_str(), reason, now.0],
        )?;
        Ok((before.unwrap_or(now), before.is_none()))
    }

    /// Stores that the status of the account is good. Returns whether this ended an outage: a locked account stays unhealthy.
    pub fn account_works(&self, id: &AccountId) -> Result<bool, Error> {
        self.conn.execute(
            "UPDATE accounts SET failing = 0, health_reason = 'account.locked' WHERE id = ?1 AND failing = 1 AND locked = 1",
            params![id.as_str()],
        )?;
        let changed = self.conn.execute(
            "UPDATE accounts SET failing = 0, health = 'ok', health_reason = NULL, outage_since = NULL
             WHERE id = ?1 AND health <> 'ok' AND locked = 0",
            params![id.as_str()],
        )?;
        Ok(changed > 0)
    }

    /// Stores that the provider locked the account. Returns when its outage began, and whether it began with this call.
    pub fn account_locked(
        &self,
        id: &AccountId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(Timestamp, bool), Error> {
        let before = self.account(id)?.and_then(|a| a.outage_since);
        self.conn.execute(
            "UPDATE accounts SET locked = 1, health = 'unhealthy', health_reason = coalesce(health_reason, ?2),
               outage_since = coalesce(outage_since, ?3)
             WHERE id = ?1",
            params![id.as_str(), reason, now.0],
        )?;
        Ok((before.unwrap_or(now), before.is_none()))
    }

    /// Stores that the provider unlocked the account. Returns whether this ended an outage: an account whose status is bad stays
    /// unhealthy.
    pub fn account_unlocked(&self, id: &AccountId) -> Result<bool, Error> {
        let changed = self.conn.execute(
            "UPDATE accounts SET locked = 0,
               health = iif(failing = 1, health, 'ok'),
               health_reason = iif(failing = 1, health_reason, NULL),
               outage_since = iif(failing = 1, outage_since, NULL)
             WHERE id = ?1 AND locked = 1",
            params![id.as_str()],
        )?;
        Ok(changed > 0 && self.account(id)?.is_some_and(|a| a.outage_since.is_none()))
    }
}
