//! The ordered log of changes behind `GET /v1/stream`. A change is recorded in the transaction that makes it.

use rusqlite::params;
use serde::Serialize;

use super::{Error, Reader, Tx};
use crate::domain::time::Timestamp;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its position in the order. Never reused.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// `stamp` or `delivery`.
    pub kind: String,
    /// JSON text with ids and states only.
    pub body: String,
}

impl Reader<'_> {
    /// Returns the changes after `seq`, oldest first.
    pub fn changes_after(&self, seq: i64, limit: usize) -> Result<Vec<Change>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached("SELECT * FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2")?
            .query_map(params![seq, limit], |row| {
                Ok(Change {
                    seq: row.get("seq")?,
                    at: Timestamp(row.get("at")?),
                    kind: row.get("kind")?,
                    body: row.get("body")?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Returns the positions of the first and the last stored change. `last` is also correct if all changes were pruned.
    pub fn changes_kept(&self) -> Result<(i64, i64), Error> {
        Ok(self.conn.query_row(
            "SELECT coalesce((SELECT min(seq) FROM changes), last + 1), last
             FROM (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS last)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }
}

impl Tx<'_> {
    /// Records a change.
    pub fn record_change(
        &self,
        kind: &str,
        body: &impl Serialize,
        now: Timestamp,
    ) -> Result<(), Error> {
        let body = serde_json::to_string(body)?;
        self.conn
            .prepare_cached("INSERT INTO changes (at, kind, body) VALUES (?1, ?2, ?3)")?
            .execute(params![now.0, kind, body])?;
        Ok(())
    }
}
