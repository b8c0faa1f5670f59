//! Deliveries that were planned while the clock was ahead: once it was set back, they wait no longer than they were meant to.

use std::time::Duration;

use rusqlite::params;

use super::{Error, Reader, Tx};
use crate::domain::time::Timestamp;

/// Rows that were planned later than now, or further ahead than any wait. Reads what waits for a later attempt and nothing else.
const PLANNED_AHEAD: &str = "SELECT id FROM deliveries INDEXED BY deliveries_due
    WHERE state = 'pending' AND destination = ?1 AND next_attempt_at > ?2
      AND (coalesce(state_since, created_at) > ?2 OR next_attempt_at > ?3) LIMIT ?4";

impl Reader<'_> {
    /// Returns deliveries of a destination that a clock which was ahead has planned: they were planned after `now`, or they wait
    /// longer than `wait_max`, which no wait does.
    pub fn planned_ahead(
        &self,
        destination: &str,
        now: Timestamp,
        wait_max: Duration,
        limit: usize,
    ) -> Result<Vec<i64>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached(PLANNED_AHEAD)?
            .query_map(
                params![destination, now.0, now.plus(wait_max).0, limit],
                |row| row.get(0),
            )?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}

impl Tx<'_> {
    /// Plans such deliveries anew: each waits from `now` as long as it was meant to wait, `wait_max` at most.
    pub fn replan_deliveries(
        &self,
        destination: &str,
        ids: &[i64],
        now: Timestamp,
        wait_max: Duration,
    ) -> Result<usize, Error> {
        let wait_max_ms = i64::try_from(wait_max.as_millis()).unwrap_or(i64::MAX);
        let mut planned = 0;
        for id in ids {
            // A delivery that was claimed, held or planned anew meanwhile stays as it is.
            planned += self
                .conn
                .prepare_cached(
                    "UPDATE deliveries SET state_since = ?2,
                       next_attempt_at = ?2 + min(max(next_attempt_at - coalesce(state_since, created_at), 0), ?3)
                     WHERE id = ?1 AND state = 'pending' AND next_attempt_at > ?2
                       AND (coalesce(state_since, created_at) > ?2 OR next_attempt_at > ?2 + ?3)",
                )?
                .execute(params![id, now.0, wait_max_ms])?;
        }
        if planned > 0 {
            self.has_work(destination);
        }
        Ok(planned)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::assert_seeks;
    use super::*;

    #[test]
    fn only_what_waits_for_later_is_read() {
        assert_seeks(PLANNED_AHEAD, "deliveries");
    }
}
