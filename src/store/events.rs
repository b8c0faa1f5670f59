//! Events and, in the same breath, one delivery per destination that wants each.

use rusqlite::{OptionalExtension, Row, params};

use super::row::word;
use super::{Error, Reader, Tx};
use crate::domain::event::{EventType, event_id};
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Timestamp;

/// An event to be made.
pub struct NewEvent<'a> {
    /// What makes it unique, for ever.
    pub dedupe_key: &'a str,
    /// What happened.
    pub event_type: EventType,
    /// Whom it is about.
    pub enrollment: Option<&'a EnrollmentId>,
    /// The body as destinations of kind `webhook` get it, a JSON text.
    pub body: &'a str,
    /// The destinations that want it.
    pub destinations: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The order in which they were made.
    pub seq: i64,
    /// `evt_…`.
    pub id: String,
    /// What happened.
    pub event_type: EventType,
    /// The body; `None` when the person was erased.
    pub body: Option<String>,
}

fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        seq: row.get("seq")?,
        id: row.get("id")?,
        event_type: word(row, "type")?,
        body: row.get("body")?,
    })
}

impl Reader<'_> {
    /// Events after `seq`, oldest first, without those that were erased.
    pub fn events_after(&self, seq: i64, limit: usize) -> Result<Vec<EventRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached(
                "SELECT * FROM events WHERE seq > ?1 AND body IS NOT NULL ORDER BY seq LIMIT ?2",
            )?
            .query_map(params![seq, limit], event)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// The place of an event in the order.
    pub fn event_seq(&self, id: &str) -> Result<Option<i64>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT seq FROM events WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?)
    }
}

impl Tx<'_> {
    /// Makes the event and its deliveries, unless an event of this key was ever made. Returns whether it was made now.
    pub fn make_event(&self, event: &NewEvent<'_>) -> Result<bool, Error> {
        let id = event_id(event.dedupe_key);
        let made = self
            .conn
            .prepare_cached(
                "INSERT INTO events (id, dedupe_key, type, enrollment_id, created_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (dedupe_key) DO NOTHING",
            )?
            .execute(params![
                id,
                event.dedupe_key,
                event.event_type.as_str(),
                event.enrollment.map(EnrollmentId::as_str),
                event.now.0,
                event.body,
            ])?;
        if made == 0 {
            return Ok(false);
        }
        for destination in event.destinations {
            self.new_delivery(&id, event.event_type, destination, event.now)?;
        }
        Ok(true)
    }
}
