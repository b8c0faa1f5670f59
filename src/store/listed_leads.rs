//! The leads of SendPilot's own list, as they were read last.

use rusqlite::{OptionalExtension, params};

use super::row::{timestamp, word};
use super::{Error, Reader, Tx};
use crate::domain::enrollment::Status;
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Timestamp;

/// A lead of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLead {
    /// Its status in the list.
    pub status: Status,
    /// When it changed last, if the list says so.
    pub updated_at: Option<Timestamp>,
    /// Since when it waits for an enrollment with its id, and the ledger row that says so. `None` once it was applied.
    pub waits: Option<(Timestamp, i64)>,
}

impl Reader<'_> {
    /// Returns a lead as it was listed last.
    pub fn listed_lead(&self, id: &EnrollmentId) -> Result<Option<ListedLead>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT status, updated_at, waits_since, signal_id FROM listed_leads WHERE id = ?1",
            )?
            .query_row([id.as_str()], |row| {
                let signal: Option<i64> = row.get("signal_id")?;
                Ok(ListedLead {
                    status: word(row, "status")?,
                    updated_at: timestamp(row, "updated_at")?,
                    waits: timestamp(row, "waits_since")?.zip(signal),
                })
            })
            .optional()?)
    }
}

impl Tx<'_> {
    /// Stores a lead as it is listed now.
    pub fn set_listed_lead(&self, id: &EnrollmentId, lead: &ListedLead) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO listed_leads (id, status, updated_at, waits_since, signal_id) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at,
                   waits_since = excluded.waits_since, signal_id = excluded.signal_id",
            )?
            .execute(params![
                id.as_str(),
                lead.status.as_str(),
                lead.updated_at.map(|at| at.0),
                lead.waits.map(|(since, _)| since.0),
                lead.waits.map(|(_, signal)| signal),
            ])?;
        Ok(())
    }
}
