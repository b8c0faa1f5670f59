//! Events, each with one delivery per destination that subscribes to it.

use rusqlite::{OptionalExtension, Row, params};

use super::row::word;
use super::{Error, Reader, Tx};
use crate::domain::event::{EventType, event_id};
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Timestamp;

/// An event to be created.
pub struct NewEvent<'a> {
    /// The dedupe key: at most one event with this key is ever created.
    pub dedupe_key: &'a str,
    /// What happened.
    pub event_type: EventType,
    /// The enrollment it is about.
    pub enrollment: Option<&'a EnrollmentId>,
    /// The body for destinations of kind `webhook`, as JSON text.
    pub body: &'a str,
    /// The names of the destinations that subscribe to it.
    pub destinations: &'a [String],
    /// The time of creation.
    pub now: Timestamp,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its position in the order of creation.
    pub seq: i64,
    /// `evt_…`.
    pub id: String,
    /// What happened.
    pub event_type: EventType,
    /// The body. `None` if the person was erased.
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
    /// Returns the events after `seq`, oldest first, without erased ones.
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

    /// Returns the position of an event in the order of creation.
    pub fn event_seq(&self, id: &str) -> Result<Option<i64>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT seq FROM events WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?)
    }
}

impl Tx<'_> {
    /// Creates the event and its deliveries, unless an event with this dedupe key exists. Returns whether it was created.
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
