//! The outbox. Deliveries are created, claimed, sent outside of any transaction, and settled. Every query is an index seek, however
//! long the backlog is.

use rusqlite::params;
use serde::Serialize;

use super::row::word;
use super::{Error, Reader, Tx};
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;

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
    /// Status of the last answer, if there was one.
    pub last_status: Option<u16>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The new state.
    pub state: DeliveryState,
    /// When to try again; only with `Pending`.
    pub next_attempt_at: Option<Timestamp>,
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// What went wrong, for a person.
    pub error: Option<String>,
}

/// The kind of the changes that are recorded about deliveries.
const CHANGE: &str = "delivery";

/// What is recorded of a change, for those who watch: ids and states, and nothing of what a receiver said.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryChange<'a> {
    id: String,
    event_id: &'a str,
    event_type: EventType,
    destination: &'a str,
    state: DeliveryState,
    attempts: u32,
    last_status: Option<u16>,
}

impl Claimed {
    fn change<'a>(
        &'a self,
        destination: &'a str,
        state: DeliveryState,
        last_status: Option<u16>,
    ) -> DeliveryChange<'a> {
        DeliveryChange {
            id: self.id.to_string(),
            event_id: &self.event_id,
            event_type: self.event_type,
            destination,
            state,
            attempts: self.attempts,
            last_status,
        }
    }
}

const NEXT_DUE: &str = "SELECT min(next_attempt_at) FROM deliveries INDEXED BY deliveries_due
    WHERE state = 'pending' AND destination = ?1";

const NEXT_TEST_DUE: &str =
    "SELECT min(next_attempt_at) FROM deliveries INDEXED BY deliveries_tests_due
    WHERE state = 'pending' AND is_test = 1 AND attempts = 0 AND destination = ?1";

const CLAIM: &str =
    "SELECT d.id, d.event_id, e.type AS event_type, e.body, d.attempts + 1 AS attempts, d.last_status
    FROM deliveries d INDEXED BY deliveries_due CROSS JOIN events e ON e.id = d.event_id
    WHERE d.state = 'pending' AND d.destination = ?1 AND d.next_attempt_at <= ?2
      AND d.id NOT IN (SELECT value FROM json_each(?3))
    ORDER BY d.next_attempt_at, d.id LIMIT ?4";

const CLAIM_TEST: &str =
    "SELECT d.id, d.event_id, e.type AS event_type, e.body, d.attempts + 1 AS attempts, d.last_status
    FROM deliveries d INDEXED BY deliveries_tests_due CROSS JOIN events e ON e.id = d.event_id
    WHERE d.state = 'pending' AND d.is_test = 1 AND d.attempts = 0 AND d.destination = ?1 AND d.next_attempt_at <= ?2
      AND d.id NOT IN (SELECT value FROM json_each(?3))
    ORDER BY d.next_attempt_at, d.id LIMIT ?4";

/// One seek per destination: the query jumps from each name to the next.
const DESTINATIONS: &str = "WITH RECURSIVE names (name) AS (
      SELECT (SELECT min(destination) FROM deliveries WHERE state = ?1)
      UNION ALL
      SELECT (SELECT min(destination) FROM deliveries WHERE state = ?1 AND destination > name) FROM names
      WHERE name IS NOT NULL)
    SELECT name FROM names WHERE name IS NOT NULL";

const IN_STATE: &str = "SELECT id FROM deliveries INDEXED BY deliveries_by_state
    WHERE state = ?1 AND destination = ?2 ORDER BY id LIMIT ?3";

impl Reader<'_> {
    /// Returns when the next delivery of a destination is due. For a `stopped` one, only tests that were not tried yet count.
    pub fn next_delivery_due(
        &self,
        destination: &str,
        stopped: bool,
    ) -> Result<Option<Timestamp>, Error> {
        Ok(self
            .conn
            .prepare_cached(if stopped { NEXT_TEST_DUE } else { NEXT_DUE })?
            .query_row([destination], |row| row.get::<_, Option<i64>>(0))?
            .map(Timestamp))
    }

    /// Returns the names of the destinations that have deliveries in this state.
    pub fn destinations_with(&self, state: DeliveryState) -> Result<Vec<String>, Error> {
        let rows = self
            .conn
            .prepare_cached(DESTINATIONS)?
            .query_map([state.as_str()], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Returns the oldest deliveries of a destination in this state.
    pub(super) fn delivery_ids(
        &self,
        state: DeliveryState,
        destination: &str,
        limit: usize,
    ) -> Result<Vec<i64>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached(IN_STATE)?
            .query_map(params![state.as_str(), destination, limit], |row| {
                row.get(0)
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    pub(super) fn new_delivery(
        &self,
        event_id: &str,
        event_type: EventType,
        destination: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO deliveries (event_id, destination, next_attempt_at, created_at, state_since, is_test)
                 VALUES (?1, ?2, ?3, ?3, ?3, ?4)",
            )?
            .execute(params![
                event_id,
                destination,
                now.0,
                event_type == EventType::Test
            ])?;
        self.notify_destination(destination);
        let change = DeliveryChange {
            id: self.conn.last_insert_rowid().to_string(),
            event_id,
            event_type,
            destination,
            state: DeliveryState::Pending,
            attempts: 0,
            last_status: None,
        };
        self.record_change(CHANGE, &change, now)
    }

    /// Claims up to `limit` due deliveries of a destination: they are `sending` from now on, whatever happens to this process.
    /// Of a `stopped` one, only tests that were not tried yet. A delivery that is on the wire (`except`) and was replayed meanwhile
    /// waits.
    pub fn claim_deliveries(
        &self,
        destination: &str,
        stopped: bool,
        except: &[i64],
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Claimed>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let except = serde_json::to_string(except)?;
        let rows: Vec<Claimed> = self
            .conn
            .prepare_cached(if stopped { CLAIM_TEST } else { CLAIM })?
            .query_map(params![destination, now.0, except, limit], |row| {
                Ok(Claimed {
                    id: row.get("id")?,
                    event_id: row.get("event_id")?,
                    event_type: word(row, "event_type")?,
                    body: row.get("body")?,
                    attempts: row.get("attempts")?,
                    last_status: row.get("last_status")?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for claimed in &rows {
            self.conn
                .prepare_cached(
                    "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_attempt_at = NULL, state_since = ?2
                     WHERE id = ?1",
                )?
                .execute(params![claimed.id, now.0])?;
            let change = claimed.change(destination, DeliveryState::Sending, claimed.last_status);
            self.record_change(CHANGE, &change, now)?;
        }
        Ok(rows)
    }

    /// Writes down how an attempt ended. Does nothing unless the delivery is still `sending`.
    pub fn settle_delivery(
        &self,
        id: i64,
        settled: &Settlement,
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.settle(id, settled, now)? {
            self.delivery_changed(id, now)?;
        }
        Ok(())
    }

    /// Does what [`Self::settle_delivery`] does, without reading what the claim told already.
    pub fn settle_claimed(
        &self,
        destination: &str,
        claimed: &Claimed,
        settled: &Settlement,
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.settle(claimed.id, settled, now)? {
            let change = claimed.change(destination, settled.state, settled.status);
            self.record_change(CHANGE, &change, now)?;
        }
        Ok(())
    }

    fn settle(&self, id: i64, settled: &Settlement, now: Timestamp) -> Result<bool, Error> {
        let delivered = settled.state == DeliveryState::Delivered;
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE deliveries SET state = ?2, next_attempt_at = ?3, last_status = ?4, last_error = ?5, delivered_at = ?6,
                   state_since = ?7
                 WHERE id = ?1 AND state = 'sending'",
            )?
            .execute(params![
                id,
                settled.state.as_str(),
                settled.next_attempt_at.map(|at| at.0),
                settled.status,
                settled.error,
                delivered.then_some(now.0),
                now.0,
            ])?;
        Ok(changed > 0)
    }

    /// Settles up to `limit` deliveries that a dead process had claimed for a destination. Returns how many there were: fewer than
    /// `limit` means that none is left.
    pub fn recover_sending(
        &self,
        destination: &str,
        settled: &Settlement,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, Error> {
        let ids = self.delivery_ids(DeliveryState::Sending, destination, limit)?;
        for id in &ids {
            self.settle_delivery(*id, settled, now)?;
        }
        Ok(ids.len())
    }

    /// Records a change of a delivery.
    pub(super) fn delivery_changed(&self, id: i64, now: Timestamp) -> Result<(), Error> {
        let Some(row) = self.delivery(id)? else {
            return Ok(());
        };
        let change = DeliveryChange {
            id: row.id.to_string(),
            event_id: &row.event_id,
            event_type: row.event_type,
            destination: &row.destination,
            state: row.state,
            attempts: row.attempts,
            last_status: row.last_status,
        };
        self.record_change(CHANGE, &change, now)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::assert_seeks;
    use super::*;

    #[test]
    fn nothing_reads_a_backlog() {
        for sql in [
            NEXT_DUE,
            NEXT_TEST_DUE,
            CLAIM,
            CLAIM_TEST,
            DESTINATIONS,
            IN_STATE,
        ] {
            assert_seeks(sql, "deliveries");
        }
    }
}
