//! The outbox: deliveries are claimed, sent without a transaction, and settled.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params, params_from_iter};
use serde_json::json;

use super::row::{ms, word};
use super::{Error, Reader, Tx};
use crate::domain::time::Ms;
use crate::domain::words::{DeliveryState, EventType};

/// A delivery as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: i64,
    /// The event.
    pub event_id: String,
    /// The event's type.
    pub event_type: EventType,
    /// Where to.
    pub destination: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many requests were begun since it was made or replayed.
    pub attempts: u32,
    /// When the next one is due.
    pub next_attempt_at: Option<Ms>,
    /// The status of the last answer.
    pub last_status: Option<u16>,
    /// What went wrong last, for a person.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: Ms,
    /// When a receiver took it.
    pub delivered_at: Option<Ms>,
}

/// A delivery that this process is to send now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: i64,
    /// The event.
    pub event_id: String,
    /// The event's type.
    pub event_type: EventType,
    /// The event's body; `None` when the person was erased meanwhile.
    pub body: Option<String>,
    /// Attempts begun, this one included.
    pub attempts: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The new state.
    pub state: DeliveryState,
    /// When to try again; only with `Pending`.
    pub next_attempt_at: Option<Ms>,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// What went wrong, for a person.
    pub error: Option<String>,
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

/// How many deliveries of a destination are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxCount {
    /// The destination.
    pub destination: String,
    /// The state.
    pub state: DeliveryState,
    /// How many.
    pub count: u64,
    /// When the oldest of them was made.
    pub oldest: Ms,
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
        next_attempt_at: ms(row, "next_attempt_at")?,
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
        created_at: Ms(row.get("created_at")?),
        delivered_at: ms(row, "delivered_at")?,
    })
}

impl Reader<'_> {
    /// One delivery.
    ///
    /// # Errors
    /// The store's.
    pub fn delivery(&self, id: i64) -> Result<Option<DeliveryRow>, Error> {
        Ok(self
            .conn
            .prepare_cached(&format!("{SELECT} WHERE d.id = ?1"))?
            .query_row([id], delivery)
            .optional()?)
    }

    /// Deliveries, newest first.
    ///
    /// # Errors
    /// The store's.
    pub fn deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<Vec<DeliveryRow>, Error> {
        let mut sql = format!("{SELECT} WHERE 1");
        let mut values: Vec<Value> = Vec::new();
        let mut also = |clause: &str, value: Value| {
            values.push(value);
            sql.push_str(&format!(" AND {clause} ?{}", values.len()));
        };
        if let Some(destination) = &filter.destination {
            also("d.destination =", destination.clone().into());
        }
        if let Some(state) = filter.state {
            also("d.state =", state.as_str().to_owned().into());
        }
        if let Some(event) = &filter.event {
            also("d.event_id =", event.clone().into());
        }
        if let Some(before) = filter.before {
            also("d.id <", before.into());
        }
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        sql.push_str(&format!(" ORDER BY d.id DESC LIMIT ?{}", values.len()));
        let rows = self
            .conn
            .prepare_cached(&sql)?
            .query_map(params_from_iter(values), delivery)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// The deliveries of an enrollment's events, oldest first.
    ///
    /// # Errors
    /// The store's.
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

    /// When the next delivery of a destination is due. Of a `stopped` one only tests that were not tried yet count.
    ///
    /// # Errors
    /// The store's.
    pub fn next_delivery_due(&self, destination: &str, stopped: bool) -> Result<Option<Ms>, Error> {
        let sql = if stopped {
            "SELECT min(d.next_attempt_at) FROM deliveries d JOIN events e ON e.id = d.event_id
             WHERE d.state = 'pending' AND d.destination = ?1 AND e.type = 'webhook.test' AND d.attempts = 0"
        } else {
            "SELECT min(next_attempt_at) FROM deliveries WHERE state = 'pending' AND destination = ?1"
        };
        Ok(self
            .conn
            .prepare_cached(sql)?
            .query_row([destination], |row| row.get::<_, Option<i64>>(0))?
            .map(Ms))
    }

    /// How many deliveries are in which state, by destination.
    ///
    /// # Errors
    /// The store's.
    pub fn outbox_counts(&self) -> Result<Vec<OutboxCount>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT destination, state, count(*) AS count, min(created_at) AS oldest FROM deliveries
                 GROUP BY state, destination ORDER BY destination, state",
            )?
            .query_map([], |row| {
                Ok(OutboxCount {
                    destination: row.get("destination")?,
                    state: word(row, "state")?,
                    count: row.get::<_, i64>("count")?.unsigned_abs(),
                    oldest: Ms(row.get("oldest")?),
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// The destinations that have deliveries which are not finished.
    ///
    /// # Errors
    /// The store's.
    pub fn destinations_with_work(&self) -> Result<Vec<String>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT DISTINCT destination FROM deliveries WHERE state IN ('pending', 'sending')",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    pub(super) fn new_delivery(
        &self,
        event_id: &str,
        destination: &str,
        now: Ms,
    ) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO deliveries (event_id, destination, next_attempt_at, created_at) VALUES (?1, ?2, ?3, ?3)",
            )?
            .execute(params![event_id, destination, now.0])?;
        self.delivery_changed(self.conn.last_insert_rowid(), now)
    }

    /// Claims up to `limit` due deliveries of a destination: they are `sending` from now on, whatever happens to this process.
    /// Of a `stopped` one only tests that were not tried yet. What is on the wire (`except`) and was replayed meanwhile waits.
    ///
    /// # Errors
    /// The store's.
    pub fn claim_deliveries(
        &self,
        destination: &str,
        stopped: bool,
        except: &[i64],
        now: Ms,
        limit: usize,
    ) -> Result<Vec<Claimed>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let except = serde_json::to_string(except)?;
        let rows: Vec<Claimed> = self
            .conn
            .prepare_cached(
                "SELECT d.id, d.event_id, e.type AS event_type, e.body, d.attempts + 1 AS attempts
                 FROM deliveries d JOIN events e ON e.id = d.event_id
                 WHERE d.state = 'pending' AND d.destination = ?1 AND d.next_attempt_at <= ?2
                   AND (NOT ?3 OR (e.type = 'webhook.test' AND d.attempts = 0))
                   AND d.id NOT IN (SELECT value FROM json_each(?4))
                 ORDER BY d.next_attempt_at, d.id LIMIT ?5",
            )?
            .query_map(params![destination, now.0, stopped, except, limit], |row| {
                Ok(Claimed {
                    id: row.get("id")?,
                    event_id: row.get("event_id")?,
                    event_type: word(row, "event_type")?,
                    body: row.get("body")?,
                    attempts: row.get("attempts")?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for claimed in &rows {
            self.conn
                .prepare_cached(
                    "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_attempt_at = NULL WHERE id = ?1",
                )?
                .execute([claimed.id])?;
            self.delivery_changed(claimed.id, now)?;
        }
        Ok(rows)
    }

    /// Writes down how an attempt ended. Does nothing unless the delivery is still `sending`.
    ///
    /// # Errors
    /// The store's.
    pub fn settle_delivery(&self, id: i64, settled: &Settlement, now: Ms) -> Result<(), Error> {
        let delivered = settled.state == DeliveryState::Delivered;
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE deliveries SET state = ?2, next_attempt_at = ?3, last_status = ?4, last_error = ?5, delivered_at = ?6
                 WHERE id = ?1 AND state = 'sending'",
            )?
            .execute(params![
                id,
                settled.state.as_str(),
                settled.next_attempt_at.map(|at| at.0),
                settled.status,
                settled.error,
                delivered.then_some(now.0),
            ])?;
        if changed > 0 {
            self.delivery_changed(id, now)?;
        }
        Ok(())
    }

    /// Settles what a process that died had claimed for a destination. Returns how many there were.
    ///
    /// # Errors
    /// The store's.
    pub fn recover_sending(
        &self,
        destination: &str,
        settled: &Settlement,
        now: Ms,
    ) -> Result<usize, Error> {
        let ids: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT id FROM deliveries WHERE state = 'sending' AND destination = ?1",
            )?
            .query_map([destination], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &ids {
            self.settle_delivery(*id, settled, now)?;
        }
        Ok(ids.len())
    }

    /// Holds what is pending for a destination that is no longer configured. Returns how many there were.
    ///
    /// # Errors
    /// The store's.
    pub fn hold_pending(&self, destination: &str, reason: &str, now: Ms) -> Result<usize, Error> {
        let ids: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT id FROM deliveries WHERE state = 'pending' AND destination = ?1",
            )?
            .query_map([destination], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &ids {
            self.conn.execute(
                "UPDATE deliveries SET state = 'held', next_attempt_at = NULL, last_error = ?2 WHERE id = ?1",
                params![id, reason],
            )?;
            self.delivery_changed(*id, now)?;
        }
        Ok(ids.len())
    }

    /// Sends a delivery again, from the beginning of its schedule, whatever became of it. One that is on the wire right now
    /// goes again when that attempt has ended.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::Conflict`] when the person was erased.
    pub fn replay_delivery(&self, id: i64, now: Ms) -> Result<(), Error> {
        let erased: bool = self
            .conn
            .query_row(
                "SELECT e.body IS NULL FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id = ?1",
                [id],
                |row| row.get(0),
            )
            .optional()?
            .ok_or_else(|| Error::not_found("delivery", &id.to_string()))?;
        if erased {
            return Err(Error::conflict(
                "erased",
                "The person this event was about has been erased; there is nothing left to send.",
            ));
        }
        self.conn.execute(
            "UPDATE deliveries SET state = 'pending', attempts = 0, next_attempt_at = ?2, delivered_at = NULL WHERE id = ?1",
            params![id, now.0],
        )?;
        self.delivery_changed(id, now)
    }

    /// Replays every delivery in a state, of one destination or all. Returns how many.
    ///
    /// # Errors
    /// The store's.
    pub fn replay_deliveries(
        &self,
        state: DeliveryState,
        destination: Option<&str>,
        now: Ms,
    ) -> Result<usize, Error> {
        let ids: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT d.id FROM deliveries d JOIN events e ON e.id = d.event_id
                 WHERE d.state = ?1 AND (?2 IS NULL OR d.destination = ?2) AND e.body IS NOT NULL ORDER BY d.id",
            )?
            .query_map(params![state.as_str(), destination], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &ids {
            self.replay_delivery(*id, now)?;
        }
        Ok(ids.len())
    }

    /// Tells those who watch: ids and states, and nothing of what a receiver said.
    pub(super) fn delivery_changed(&self, id: i64, now: Ms) -> Result<(), Error> {
        let Some(row) = self.delivery(id)? else {
            return Ok(());
        };
        self.tell_change(
            "delivery",
            &json!({
                "id": row.id.to_string(), "eventId": row.event_id, "eventType": row.event_type,
                "destination": row.destination, "state": row.state, "attempts": row.attempts,
                "lastStatus": row.last_status,
            }),
            now,
        )
    }
}
