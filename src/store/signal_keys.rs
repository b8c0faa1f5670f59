//! The index of the ledger by person. Every member number, id and public identifier in a row is a key under which it is found.

use std::collections::BTreeSet;
use std::ops::Bound;

use rusqlite::{OptionalExtension, params};

use super::{Error, Reader, Tx};
use crate::domain::enrollment::Enrollment;
use crate::domain::identity::Identity;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;

/// The keys of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys(BTreeSet<String>);

impl Keys {
    /// Returns the keys of an identity. An id that contains a member number has no key of its own: the number's key finds it.
    pub(super) fn of(identity: &Identity) -> Self {
        let mut keys: BTreeSet<String> = identity.numbers().map(by_number).collect();
        keys.extend(
            ids(identity).map(|id| match Identity::from_id(id).number() {
                Some(number) => by_number(number),
                None => by_id(id),
            }),
        );
        keys.extend(
            identity
                .public_identifier
                .as_deref()
                .map(by_public_identifier),
        );
        Self(keys)
    }

    /// Returns the keys of an enrollment's person, from its identity and from its invite.
    pub(super) fn of_enrollment(e: &Enrollment) -> Self {
        let mut keys = Self::of(&e.identity);
        keys.0.extend(Self::of(&e.invite.identity()).0);
        keys
    }

    /// Returns the keys of an identity, including those that an older version of acceptd used for its ids.
    pub(super) fn of_any_version(identity: &Identity) -> Self {
        let mut keys = Self::of(identity);
        keys.0.extend(ids(identity).map(by_id));
        keys
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn ids(identity: &Identity) -> impl Iterator<Item = &str> {
    [&identity.provider_id, &identity.sales_id]
        .into_iter()
        .filter_map(|id| id.as_deref())
}

fn by_number(number: i64) -> String {
    format!("n:{number}")
}

fn by_id(id: &str) -> String {
    format!("i:{id}")
}

fn by_public_identifier(slug: &str) -> String {
    format!("s:{slug}")
}

/// The rows with one key, of one account, since a time.
const OF_ACCOUNT: &str =
    "SELECT signal_id FROM signal_keys WHERE key = ?1 AND account_id = ?2 AND received_at >= ?3";
/// The first account, at or after another in the order of ids, that has rows with a key.
const NEXT_ACCOUNT: &str = "SELECT account_id FROM signal_keys WHERE key = ?1 AND account_id >= ?2 ORDER BY account_id LIMIT 1";
/// Every row with a key.
const OF_KEY: &str = "SELECT signal_id FROM signal_keys WHERE key = ?1";

impl Reader<'_> {
    /// Returns the ledger rows since `since` that may be about the enrollment's person and came to its account or to one of
    /// `siblings`, oldest first. The caller decides which of them are.
    pub fn signals_for(
        &self,
        e: &Enrollment,
        siblings: Option<&BTreeSet<AccountId>>,
        since: Timestamp,
    ) -> Result<BTreeSet<i64>, Error> {
        let mut found = BTreeSet::new();
        for key in Keys::of_enrollment(e).iter() {
            self.rows_of_account(key, e.account.as_str(), since, &mut found)?;
            if let Some(siblings) = siblings {
                self.rows_of_siblings(key, &e.account, siblings, since, &mut found)?;
            }
        }
        Ok(found)
    }

    fn rows_of_account(
        &self,
        key: &str,
        account: &str,
        since: Timestamp,
        found: &mut BTreeSet<i64>,
    ) -> Result<(), Error> {
        let mut statement = self.conn.prepare_cached(OF_ACCOUNT)?;
        let rows = statement.query_map(params![key, account, since.0], |row| row.get(0))?;
        for row in rows {
            found.insert(row?);
        }
        Ok(())
    }

    /// Merges the sorted accounts of the key with the sorted siblings by skipping forward in both. So the cost depends neither on
    /// thousands of accounts connected to a popular person, nor on thousands of siblings without a row.
    fn rows_of_siblings(
        &self,
        key: &str,
        account: &AccountId,
        siblings: &BTreeSet<AccountId>,
        since: Timestamp,
        found: &mut BTreeSet<i64>,
    ) -> Result<(), Error> {
        let mut next_account = self.conn.prepare_cached(NEXT_ACCOUNT)?;
        let mut from = siblings.first();
        while let Some(sibling) = from {
            let there: Option<String> = next_account
                .query_row(params![key, sibling.as_str()], |row| row.get(0))
                .optional()?;
            // Rows without an account have the empty account, which sorts before all others.
            let Some(there) = there.and_then(|id| AccountId::parse(&id).ok()) else {
                break;
            };
            let is_sibling = siblings.contains(&there);
            if is_sibling && there != *account {
                self.rows_of_account(key, there.as_str(), since, found)?;
            }
            from = siblings
                .range((Bound::Excluded(there), Bound::Unbounded))
                .next();
        }
        Ok(())
    }

    /// Returns every ledger row with a key, of any account.
    pub(super) fn signals_with_key(&self, key: &str) -> Result<Vec<i64>, Error> {
        let rows = self
            .conn
            .prepare_cached(OF_KEY)?
            .query_map([key], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    /// Indexes a new ledger row by the keys of the person it names.
    pub(super) fn index_signal(
        &self,
        id: i64,
        identity: &Identity,
        account: Option<&str>,
        received_at: Timestamp,
    ) -> Result<(), Error> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO signal_keys (key, account_id, received_at, signal_id) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for key in Keys::of(identity).iter() {
            insert.execute(params![key, account.unwrap_or_default(), received_at.0, id])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
