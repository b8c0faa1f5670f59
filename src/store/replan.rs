//! Deliveries that were scheduled while the clock was ahead. After it was set back, they are scheduled again, so that they wait no
//! longer than intended.

use std::time::Duration;

use rusqlite::params;

use super::{Error, Reader, Tx};
use crate::domain::time::Timestamp;

/// Rows that were scheduled in the future, or that wait longer than any retry does. Reads only rows that wait for a later attempt.
const PLANNED_AHEAD: &str = "SELECT id FROM deliveries INDEXED BY deliveries_due
    WHERE state = 'pending' AND destination = ?1 AND next_attempt_at > ?2
      AND (coalesce(state_since, created_at) > ?2 OR next_attempt_at > ?3) LIMIT ?4";

impl Reader<'_> {
    /// Returns deliveries of a destination that were scheduled while the clock was ahead: they were scheduled after `now`, or they
    /// wait longer than `wait_max`, the longest possible wait.
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
    /// Schedules such deliveries again. Each waits from `now` as long as intended, but at most `wait_max`.
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
            // A delivery that was claimed, held or scheduled again meanwhile stays as it is.
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
            self.notify_destination(destination);
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
