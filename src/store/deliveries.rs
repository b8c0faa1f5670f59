//! Reading deliveries: one, a page, those of an enrollment, and their counts.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params_from_iter};

use super::row::{timestamp, word};
use super::{Error, Reader};
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;

/// A delivery as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    pub id: i64,
    /// The id of the event.
    pub event_id: String,
    /// The event's type.
    pub event_type: EventType,
    /// The name of the destination.
    pub destination: String,
    /// Its state.
    pub state: DeliveryState,
    /// How many requests were started since it was created or replayed.
    pub attempts: u32,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// The HTTP status of the last answer.
    pub last_status: Option<u16>,
    /// What went wrong in the last attempt, for a person.
    pub last_error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the receiver accepted it.
    pub delivered_at: Option<Timestamp>,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Only to this destination.
    pub destination: Option<String>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only of this event.
    pub event: Option<String>,
    /// Only older than this id.
    pub before: Option<i64>,
}

impl DeliveryFilter {
    /// Returns the index that the list uses.
    fn way(&self) -> &'static str {
        match (&self.event, &self.destination, self.state) {
            (Some(_), _, _) => "INDEXED BY sqlite_autoindex_deliveries_1",
            (None, Some(_), Some(_)) => "INDEXED BY deliveries_by_state",
            (None, Some(_), None) => "INDEXED BY deliveries_by_destination",
            // Most deliveries are delivered, so reading the newest rows fills the page soon.
            (None, None, Some(DeliveryState::Delivered) | None) => "NOT INDEXED",
            (None, None, Some(_)) => "INDEXED BY deliveries_by_state",
        }
    }
}

/// How many deliveries of a destination are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxCount {
    /// The destination.
    pub destination: String,
    /// The state.
    pub state: DeliveryState,
    /// The number of deliveries.
    pub count: u64,
    /// When the oldest of them was created.
    pub oldest: Timestamp,
}

const SELECT: &str =
    "SELECT d.*, e.type AS event_type FROM deliveries d JOIN events e ON e.id = d.event_id";

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        id: row.get("id")?,
        event_id: row.get("event_id")?,
        event_type: word(row, "event_type")?,
        destination: row.get("destination")?,
        state: word(row, "state")?,
        attempts: row.get("attempts")?,
        next_attempt_at: timestamp(row, "next_attempt_at")?,
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
        created_at: Timestamp(row.get("created_at")?),
        delivered_at: timestamp(row, "delivered_at")?,
    })
}

impl Reader<'_> {
    /// Returns one delivery.
    pub fn delivery(&self, id: i64) -> Result<Option<DeliveryRow>, Error> {
        Ok(self
            .conn
            .prepare_cached(&format!("{SELECT} WHERE d.id = ?1"))?
            .query_row([id], delivery)
            .optional()?)
    }

    /// Returns a page of deliveries, newest first.
    pub fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Vec<DeliveryRow>, Error> {
        let mut clauses = String::from("1");
        let mut values: Vec<Value> = Vec::new();
        let mut also = |clause: &str, value: Value| {
            values.push(value);
            clauses.push_str(&format!(" AND {clause} ?{}", values.len()));
        };
        if let Some(destination) = &filter.destination {
            also("destination =", destination.clone().into());
        }
        if let Some(state) = filter.state {
            also("state =", state.as_str().to_owned().into());
        }
        if let Some(event) = &filter.event {
            also("event_id =", event.clone().into());
        }
        if let Some(before) = filter.before {
            also("id <", before.into());
        }
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        // If the index has another order than the list, only row numbers are sorted.
        let sql = format!(
            "{SELECT} WHERE d.id IN (SELECT id FROM deliveries {} WHERE {clauses} ORDER BY id DESC LIMIT ?{})
             ORDER BY d.id DESC",
            filter.way(),
            values.len()
        );
        let rows = self
            .conn
            .prepare_cached(&sql)?
            .query_map(params_from_iter(values), delivery)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Returns the deliveries of an enrollment's events, oldest first.
    pub fn deliveries_of_enrollment(&self, enrollment: &str) -> Result<Vec<DeliveryRow>, Error> {
        let rows = self
            .conn
            .prepare_cached(&format!(
                "{SELECT} WHERE e.enrollment_id = ?1 ORDER BY d.id"
            ))?
            .query_map([enrollment], delivery)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Counts the deliveries by destination and state. Ids grow, so the lowest id belongs to the oldest delivery.
    pub fn outbox_counts(&self) -> Result<Vec<OutboxCount>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT n.destination, n.state, n.count, d.created_at AS oldest FROM (
                   SELECT destination, state, count(*) AS count, min(id) AS first
                   FROM deliveries INDEXED BY deliveries_by_state GROUP BY state, destination) n
                 CROSS JOIN deliveries d ON d.id = n.first",
            )?
            .query_map([], |row| {
                Ok(OutboxCount {
                    destination: row.get("destination")?,
                    state: word(row, "state")?,
                    count: row.get::<_, i64>("count")?.unsigned_abs(),
                    oldest: Timestamp(row.get("oldest")?),
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}
