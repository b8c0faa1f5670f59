//! Next steps that are due, and open invites that are overdue. See docs/rules/next-steps.md.

use rusqlite::params;

use super::enrollments::{OpenScope, enrollment};
use super::{Error, Reader, Tx};
use crate::domain::enrollment::Enrollment;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::time::Timestamp;

/// The condition for a queued step, on `e` (enrollments) and `c` (campaigns). Prospects who are done or not interested get none.
const WAITING_STEP: &str =
    "c.status = 'running' AND e.next_step_at IS NOT NULL AND e.next_step_sent_at IS NULL
    AND e.status NOT IN ('NOT_INTERESTED', 'DONE')";

/// The condition for an open invite that is not reported yet, in a campaign that reports open invites. `?1` is
/// [`OpenScope::since`].
const WAITING_INVITE: &str =
    "c.not_accepted_after_ms IS NOT NULL AND c.status NOT IN ('draft', 'archived')
    AND e.invited_at IS NOT NULL AND e.accepted_at IS NULL AND e.open_reported_at IS NULL
    AND e.status NOT IN ('NOT_INTERESTED', 'DONE') AND e.invited_at > ?1";

impl Reader<'_> {
    /// Returns the due steps of running campaigns, oldest first.
    pub fn due_steps(&self, now: Timestamp, limit: u32) -> Result<Vec<Enrollment>, Error> {
        let rows = self
            .conn
            .prepare_cached(&format!(
                "SELECT * FROM enrollments WHERE seq IN (
                   SELECT e.seq FROM campaigns c CROSS JOIN enrollments e ON e.campaign_id = c.id
                   WHERE {WAITING_STEP} AND e.next_step_at <= ?1 ORDER BY e.next_step_at, e.seq LIMIT ?2)
                 ORDER BY next_step_at, seq"
            ))?
            .query_map(params![now.0, limit], enrollment)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Returns the invites that have been open for longer than their campaign's `notAcceptedAfter`, oldest first.
    pub fn overdue_invites(
        &self,
        scope: OpenScope,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Enrollment>, Error> {
        let rows = self
            .conn
            .prepare_cached(&format!(
                "SELECT * FROM enrollments WHERE seq IN (
                   SELECT e.seq FROM campaigns c CROSS JOIN enrollments e ON e.campaign_id = c.id
                   WHERE {WAITING_INVITE} AND e.invited_at <= ?2 - c.not_accepted_after_ms
                   ORDER BY e.invited_at, e.seq LIMIT ?3)
                 ORDER BY invited_at, seq"
            ))?
            .query_map(params![scope.since.0, now.0, limit], enrollment)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Returns when the next step or the next report of an open invite is due. `None` if nothing waits.
    pub fn next_due(&self, scope: OpenScope) -> Result<Option<Timestamp>, Error> {
        let due: Option<i64> = self
            .conn
            .prepare_cached(&format!(
                "SELECT min(due) FROM (
                   SELECT (SELECT min(e.next_step_at) FROM enrollments e
                           WHERE e.campaign_id = c.id AND {WAITING_STEP}) AS due FROM campaigns c
                   UNION ALL
                   SELECT (SELECT min(e.invited_at) FROM enrollments e
                           WHERE e.campaign_id = c.id AND {WAITING_INVITE}) + c.not_accepted_after_ms FROM campaigns c)"
            ))?
            .query_row([scope.since.0], |row| row.get(0))?;
        Ok(due.map(Timestamp))
    }

    /// Counts the next steps of an account in a campaign between two instants, without the one of `but`. Counts the steps that went
    /// out in that time and, unless `only_sent`, those that are queued for it.
    pub fn steps_between(
        &self,
        account: &AccountId,
        campaign: &CampaignId,
        (begin, end): (Timestamp, Timestamp),
        but: &EnrollmentId,
        only_sent: bool,
    ) -> Result<i64, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM enrollments WHERE account_id = ?1 AND campaign_id = ?2 AND next_step_at IS NOT NULL
                   AND coalesce(next_step_sent_at, next_step_at) >= ?3 AND coalesce(next_step_sent_at, next_step_at) < ?4
                   AND id <> ?5 AND (next_step_sent_at IS NOT NULL OR NOT ?6)",
            )?
            .query_row(
                params![
                    account.as_str(),
                    campaign.as_str(),
                    begin.0,
                    end.0,
                    but.as_str(),
                    only_sent
                ],
                |row| row.get(0),
            )?)
    }

    /// Counts the next steps of an account between two instants, over all campaigns, without the one of `but`. Stops counting at
    /// `cap`. Counts the steps that went out in that time and, unless `only_sent`, those that are queued for it.
    pub fn account_steps_between(
        &self,
        account: &AccountId,
        (begin, end): (Timestamp, Timestamp),
        but: &EnrollmentId,
        only_sent: bool,
        cap: i64,
    ) -> Result<i64, Error> {
        let count = |sql: &str| -> Result<i64, Error> {
            Ok(self.conn.prepare_cached(sql)?.query_row(
                params![account.as_str(), begin.0, end.0, but.as_str(), cap],
                |row| row.get(0),
            )?)
        };
        let sent = count(
            "SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE account_id = ?1 AND next_step_sent_at >= ?2
               AND next_step_sent_at < ?3 AND id <> ?4 LIMIT ?5)",
        )?;
        if only_sent || sent >= cap {
            return Ok(sent);
        }
        let queued = count(
            "SELECT count(*) FROM (SELECT 1 FROM enrollments WHERE account_id = ?1 AND next_step_at >= ?2
               AND next_step_at < ?3 AND next_step_sent_at IS NULL AND id <> ?4 LIMIT ?5)",
        )?;
        Ok(sent + queued)
    }
}

impl Tx<'_> {
    /// Queues or moves the next step of an enrollment.
    pub fn set_next_step(&self, id: &EnrollmentId, at: Option<Timestamp>) -> Result<(), Error> {
        self.notify_steps();
        self.conn
            .prepare_cached("UPDATE enrollments SET next_step_at = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), at.map(|at| at.0)])?;
        Ok(())
    }

    /// Records that the next step went out.
    pub fn step_sent(&self, id: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        self.conn
            .prepare_cached("UPDATE enrollments SET next_step_sent_at = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), now.0])?;
        Ok(())
    }

    /// Records that the open invite was reported.
    pub fn open_reported(&self, id: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        self.conn
            .prepare_cached("UPDATE enrollments SET open_reported_at = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), now.0])?;
        Ok(())
    }
}
