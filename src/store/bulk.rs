//! Bulk work on deliveries, in steps. Each step reads a bounded number of rows, so that it occupies the writer only briefly.
//!
//! An unfinished bulk replay is stored as one row per destination, so it continues after a restart. Holding needs no such row: every
//! pending delivery of a destination that is not configured still has to be held.

use rusqlite::{OptionalExtension, Row, params};

use super::row::word;
use super::{Error, Reader, Tx};
use crate::domain::delivery::DeliveryState;
use crate::domain::time::Timestamp;

/// An unfinished bulk replay to one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkReplay {
    /// Its id.
    pub id: i64,
    /// The destination.
    pub destination: String,
    /// The state of the deliveries that are sent again.
    pub state: DeliveryState,
    /// The last delivery that was processed.
    after_id: i64,
    /// The last delivery that existed when the replay was requested.
    last_id: i64,
    /// When it was requested.
    asked_at: Timestamp,
}

/// How a bulk replay started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkReplayStart {
    /// It is finished: this many deliveries are pending again.
    Finished(usize),
    /// There were too many deliveries for one step. [`Tx::continue_bulk_replay`] does the rest.
    Begun,
}

/// The result of one step.
struct Step {
    looked_at: usize,
    replayed: usize,
    finished: bool,
}

const COUNT: &str = "SELECT count(*) FROM deliveries d INDEXED BY deliveries_by_state
    CROSS JOIN events e ON e.id = d.event_id
    WHERE d.state = ?1 AND d.destination = ?2 AND e.body IS NOT NULL";

/// A delivery that entered its state after the replay was requested is not part of it. If it entered the state in the future, it was
/// settled before the clock was set back, so it is part of it.
const NEXT: &str =
    "SELECT d.id, e.body IS NOT NULL AND coalesce(d.state_since NOT BETWEEN ?5 + 1 AND ?6, 1)
    FROM deliveries d INDEXED BY deliveries_by_state CROSS JOIN events e ON e.id = d.event_id
    WHERE d.state = ?1 AND d.destination = ?2 AND d.id > ?3 AND d.id <= ?4 ORDER BY d.id LIMIT ?7";

fn bulk_replay(row: &Row<'_>) -> rusqlite::Result<BulkReplay> {
    Ok(BulkReplay {
        id: row.get("id")?,
        destination: row.get("destination")?,
        state: word(row, "state")?,
        after_id: row.get("after_id")?,
        last_id: row.get("last_id")?,
        asked_at: Timestamp(row.get("asked_at")?),
    })
}

impl Reader<'_> {
    /// Counts the deliveries in a state that can be sent again, of one destination or of all. The time it takes grows with the count.
    pub fn count_replayable(
        &self,
        state: DeliveryState,
        destination: Option<&str>,
    ) -> Result<usize, Error> {
        let mut count = self.conn.prepare_cached(COUNT)?;
        let mut sum = 0;
        for name in self.replayable_destinations(state, destination)? {
            sum += count.query_row(params![state.as_str(), name], |row| row.get::<_, i64>(0))?;
        }
        Ok(usize::try_from(sum).unwrap_or_default())
    }

    fn replayable_destinations(
        &self,
        state: DeliveryState,
        destination: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        match destination {
            Some(name) => Ok(vec![name.to_owned()]),
            None => self.destinations_with(state),
        }
    }

    /// Returns the unfinished bulk replays, oldest first.
    pub fn bulk_replays(&self) -> Result<Vec<BulkReplay>, Error> {
        let rows = self
            .conn
            .prepare_cached("SELECT * FROM bulk_replays ORDER BY id")?
            .query_map([], bulk_replay)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    /// Holds up to `limit` pending deliveries of a destination. Returns how many were held. If that is less than `limit`, none are
    /// left.
    pub fn hold_pending(
        &self,
        destination: &str,
        reason: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, Error> {
        let ids = self.delivery_ids(DeliveryState::Pending, destination, limit)?;
        for id in &ids {
            self.conn
                .prepare_cached(
                    "UPDATE deliveries SET state = 'held', next_attempt_at = NULL, last_error = ?2, state_since = ?3
                     WHERE id = ?1",
                )?
                .execute(params![id, reason, now.0])?;
            self.delivery_changed(*id, now)?;
        }
        Ok(ids.len())
    }

    /// Makes a delivery in any state pending again, with a new retry schedule. If an attempt is in flight, the delivery is sent
    /// again after that attempt has ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such delivery, [`Error::Conflict`] if the person was erased.
    pub fn replay_delivery(&self, id: i64, now: Timestamp) -> Result<(), Error> {
        let (erased, destination): (bool, String) = self
            .conn
            .query_row(
                "SELECT e.body IS NULL, d.destination FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id = ?1",
                [id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?
            .ok_or_else(|| Error::not_found("delivery", &id.to_string()))?;
        if erased {
            return Err(Error::conflict(
                "erased",
                "The person this event was about has been erased; there is nothing left to send.",
            ));
        }
        self.notify_destination(&destination);
        self.make_pending(id, now)
    }

    fn make_pending(&self, id: i64, now: Timestamp) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "UPDATE deliveries SET state = 'pending', attempts = 0, next_attempt_at = ?2, delivered_at = NULL, state_since = ?2
                 WHERE id = ?1",
            )?
            .execute(params![id, now.0])?;
        self.delivery_changed(id, now)
    }

    /// Replays all deliveries that are in a state now, of one destination or of all. Looks at no more than `limit` of them; the
    /// rest is left to [`Tx::step_replay`].
    pub fn start_bulk_replay(
        &self,
        state: DeliveryState,
        destination: Option<&str>,
        now: Timestamp,
        limit: usize,
    ) -> Result<BulkReplayStart, Error> {
        let last_id: i64 =
            self.conn
                .query_row("SELECT coalesce(max(id), 0) FROM deliveries", [], |row| {
                    row.get(0)
                })?;
        let (mut left, mut replayed, mut begun) = (limit, 0, false);
        for destination in self.replayable_destinations(state, destination)? {
            let job = self
                .conn
                .prepare_cached(
                    "INSERT INTO bulk_replays (destination, state, last_id, asked_at) VALUES (?1, ?2, ?3, ?4) RETURNING *",
                )?
                .query_row(params![destination, state.as_str(), last_id, now.0], bulk_replay)?;
            let step = self.step(&job, now, left)?;
            left -= step.looked_at;
            replayed += step.replayed;
            begun |= !step.finished;
        }
        self.notify_bulk_replay(begun);
        Ok(if begun {
            BulkReplayStart::Begun
        } else {
            BulkReplayStart::Finished(replayed)
        })
    }

    /// Does the next step of a bulk replay, of up to `limit` deliveries. Returns whether the replay is finished.
    pub fn continue_bulk_replay(
        &self,
        id: i64,
        now: Timestamp,
        limit: usize,
    ) -> Result<bool, Error> {
        let job = self
            .conn
            .prepare_cached("SELECT * FROM bulk_replays WHERE id = ?1")?
            .query_row([id], bulk_replay)
            .optional()?;
        match job {
            Some(job) => Ok(self.step(&job, now, limit)?.finished),
            None => Ok(true),
        }
    }

    fn step(&self, job: &BulkReplay, now: Timestamp, limit: usize) -> Result<Step, Error> {
        let rows: Vec<(i64, bool)> = self
            .conn
            .prepare_cached(NEXT)?
            .query_map(
                params![
                    job.state.as_str(),
                    job.destination,
                    job.after_id,
                    job.last_id,
                    job.asked_at.0,
                    now.0,
                    i64::try_from(limit).unwrap_or(i64::MAX)
                ],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?
            .collect::<Result<_, _>>()?;
        let mut replayed = 0;
        for (id, wanted) in &rows {
            if *wanted {
                self.make_pending(*id, now)?;
                replayed += 1;
            }
        }
        if replayed > 0 {
            self.notify_destination(&job.destination);
        }
        let finished = rows.len() < limit;
        if finished {
            self.conn
                .prepare_cached("DELETE FROM bulk_replays WHERE id = ?1")?
                .execute([job.id])?;
        } else if let Some((last, _)) = rows.last() {
            self.conn
                .prepare_cached("UPDATE bulk_replays SET after_id = ?2 WHERE id = ?1")?
                .execute(params![job.id, last])?;
        }
        Ok(Step {
            looked_at: rows.len(),
            replayed,
            finished,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::assert_seeks;
    use super::*;

    #[test]
    fn a_step_costs_what_it_does() {
        assert_seeks(COUNT, "deliveries");
        assert_seeks(NEXT, "deliveries");
    }
}
