//! The audit trail: who changed what. A row is written in the transaction of the change.

use rusqlite::params;

use super::row::word_or_null;
use super::{Error, Reader, Tx};
use crate::domain::audit::{AuditEntry, Via};
use crate::domain::time::Timestamp;

/// A row of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place in the order.
    pub id: i64,
    /// When the change was made.
    pub at: Timestamp,
    /// Who asked for it.
    pub actor: String,
    /// The program that sent the request; `None` for a signal.
    pub via: Option<Via>,
    /// Method and route template of the request, or the name of the signal.
    pub action: String,
    /// The id of what was changed.
    pub subject: Option<String>,
    /// The address that the request came from.
    pub peer: Option<String>,
}

impl Reader<'_> {
    /// The newest rows of the trail, newest first, that are older than row `before`.
    pub fn audit(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached("SELECT * FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?
            .query_map(params![before.unwrap_or(i64::MAX), limit], |row| {
                Ok(AuditRow {
                    id: row.get("id")?,
                    at: Timestamp(row.get("at")?),
                    actor: row.get("actor")?,
                    via: word_or_null(row, "via")?,
                    action: row.get("action")?,
                    subject: row.get("subject")?,
                    peer: row.get("peer")?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    /// Adds an entry to the trail.
    pub fn insert_audit(&self, entry: &AuditEntry, now: Timestamp) -> Result<(), Error> {
        let context = &entry.context;
        self.conn
            .prepare_cached(
                "INSERT INTO audit (at, actor, via, action, subject, peer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                now.0,
                context.actor,
                context.via.map(Via::as_str),
                context.action,
                entry.subject,
                context.peer.map(|ip| ip.to_string()),
            ])?;
        Ok(())
    }
}
