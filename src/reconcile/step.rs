//! Next steps after an accept, and reports of invites that stay open. See `docs/rules/next-steps.md`.

use std::time::Duration;

use super::announce::invite_data;
use super::{Routine, Warning};
use crate::domain::campaign::{CampaignFacts, CampaignStatus};
use crate::domain::enrollment::Enrollment;
use crate::domain::error::Error;
use crate::domain::event::{EventType, open_key, step_key};
use crate::domain::ids::EnrollmentId;
use crate::domain::schedule::{Schedule, local_day};
use crate::domain::time::Timestamp;
use crate::store::OpenScope;

/// How many local days ahead a step is queued at most, if all earlier days are full.
const DAYS_AHEAD_MAX: u32 = 3_660;
/// How long a due step waits if no slot is found.
const RETRY_AFTER: Duration = Duration::from_secs(86_400);

impl Routine<'_> {
    /// Queues the next step of an accept that is neither late nor pre-connected, in a running campaign with a schedule.
    pub(super) fn plan_next_step(
        &mut self,
        e: &mut Enrollment,
        campaign: &CampaignFacts,
    ) -> Result<(), Error> {
        let in_time = e
            .accept
            .as_ref()
            .is_some_and(|a| !a.late && !a.pre_connected);
        if in_time
            && campaign.status == CampaignStatus::Running
            && let Some(schedule) = self.schedule(e, campaign)
        {
            e.next_step_at = self.free_slot(e, campaign, Some(&schedule), self.now)?;
        }
        Ok(())
    }

    /// Queues the next step by hand, also for a late accept. If the campaign is not running, the step waits until it is. Returns
    /// the enrollment as it stands afterwards.
    ///
    /// # Errors
    /// [`Error::NotFound`]. [`Error::Conflict`] if the enrollment is not accepted or has a step already, or its campaign has no
    /// schedule.
    pub fn queue_next_step(&mut self, id: &EnrollmentId) -> Result<Enrollment, Error> {
        let mut e = self.existing(id)?;
        if e.accept.is_none() {
            return Err(Error::conflict(
                "not-accepted",
                "The enrollment is not accepted, so it has no next step.",
            ));
        }
        if let Some(at) = e.next_step_at {
            return Err(Error::conflict(
                "step-exists",
                format!("The next step is queued already, for {at}."),
            ));
        }
        let campaign = self.campaign_of(&e)?;
        let no_slot = || {
            Error::conflict(
                "no-schedule",
                "The campaign has no schedule; set one first.",
            )
        };
        let schedule = self.schedule(&e, &campaign).ok_or_else(no_slot)?;
        let at = self
            .free_slot(&e, &campaign, Some(&schedule), self.now)?
            .ok_or_else(no_slot)?;
        e.next_step_at = Some(at);
        self.tx.set_next_step(&e.id, e.next_step_at)?;
        Ok(e)
    }

    /// Announces the steps that are due. A step whose slot is no longer valid (the campaign was paused, its schedule changed, the
    /// daemon did not run) or whose day is full moves to the next slot. Handles up to `limit` steps and returns how many it handled.
    pub fn send_due_steps(&mut self, limit: u32) -> Result<usize, Error> {
        let due = self.tx.due_steps(self.now, limit)?;
        for e in &due {
            let campaign = self.campaign_of(e)?;
            match self.wait_until(e, &campaign)? {
                Some(later) => self.tx.set_next_step(&e.id, Some(later))?,
                None => {
                    let key = step_key(&e.account, &e.id);
                    let data = invite_data(&key, e, &campaign);
                    self.announce(EventType::NextStepDue, &key, e, &data, false)?;
                    self.tx.step_sent(&e.id, self.now)?;
                }
            }
        }
        Ok(due.len())
    }

    /// Reports invites that stayed open for longer than the `notAcceptedAfter` of their campaign. Handles up to `limit` invites and
    /// returns how many it handled.
    pub fn report_open_invites(&mut self, limit: u32) -> Result<usize, Error> {
        let scope = OpenScope {
            since: self.now.minus(self.policy.horizon),
        };
        let overdue = self.tx.overdue_invites(scope, self.now, limit)?;
        for e in &overdue {
            let campaign = self.campaign_of(e)?;
            let key = open_key(&e.account, &e.id);
            let data = invite_data(&key, e, &campaign);
            self.announce(EventType::InviteNotAccepted, &key, e, &data, false)?;
            self.tx.open_reported(&e.id, self.now)?;
        }
        Ok(overdue.len())
    }

    /// Returns until when a due step has to wait, or `None` if it may go out now. Without a schedule, any time is valid.
    fn wait_until(
        &mut self,
        e: &Enrollment,
        campaign: &CampaignFacts,
    ) -> Result<Option<Timestamp>, Error> {
        let schedule = self.schedule(e, campaign);
        let schedule = schedule.as_ref();
        let mut from = self.now;
        if schedule.is_none_or(|schedule| schedule.is_valid(from)) {
            let Some(end) = self.full_until(e, campaign, schedule, from, true)? else {
                return Ok(None);
            };
            from = end;
        }
        // Without a slot, the step waits for a day. It never goes out on a day that is full.
        let later = self.free_slot(e, campaign, schedule, from)?;
        Ok(Some(later.unwrap_or(from.plus(RETRY_AFTER))))
    }

    /// Returns the next valid slot from `from` on, plus a random part of the jitter, on a day that is not full.
    fn free_slot(
        &mut self,
        e: &Enrollment,
        campaign: &CampaignFacts,
        schedule: Option<&Schedule>,
        mut from: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
        for _ in 0..DAYS_AHEAD_MAX {
            let at = match schedule {
                None => from,
                Some(schedule) => match schedule.next_slot(from) {
                    None => return Ok(None),
                    Some(slot) => schedule.with_jitter(slot, self.random_part()),
                },
            };
            match self.full_until(e, campaign, schedule, at, false)? {
                None => return Ok(Some(at)),
                Some(end) => from = end,
            }
        }
        self.warn(Warning::NoDayForNextStep {
            enrollment: e.id.clone(),
            campaign: e.campaign.clone(),
        });
        Ok(None)
    }

    /// Returns the end of the day of `at` if that day has no room for another next step. Two caps count: that of the campaign on a
    /// day of its schedule, and that over all campaigns on a day of the account's time zone. With `only_sent`, for a step that is
    /// due, only steps that went out count. So no day ever has more steps than its cap.
    fn full_until(
        &self,
        e: &Enrollment,
        campaign: &CampaignFacts,
        schedule: Option<&Schedule>,
        at: Timestamp,
        only_sent: bool,
    ) -> Result<Option<Timestamp>, Error> {
        if let (Some(cap), Some(day)) = (campaign.daily_cap, schedule.and_then(|s| s.day(at))) {
            let steps = self
                .tx
                .steps_between(&e.account, &e.campaign, day, &e.id, only_sent)?;
            if steps >= cap {
                return Ok(Some(day.1));
            }
        }
        let zone = self.policy.timezone(&e.account);
        if let (Some(cap), Some(day)) = (self.policy.steps.daily, local_day(zone, at)) {
            let steps = self
                .tx
                .account_steps_between(&e.account, day, &e.id, only_sent, cap)?;
            if steps >= cap {
                return Ok(Some(day.1));
            }
        }
        Ok(None)
    }

    fn campaign_of(&self, e: &Enrollment) -> Result<CampaignFacts, Error> {
        let row = self.tx.campaign(&e.campaign)?;
        row.map(|row| row.facts()).ok_or_else(|| {
            Error::Internal(format!(
                "the campaign of enrollment {:?} does not exist",
                e.id
            ))
        })
    }

    /// Returns the schedule of the campaign. One that this machine can't read counts as none, so that no accept is held up.
    fn schedule(&mut self, e: &Enrollment, campaign: &CampaignFacts) -> Option<Schedule> {
        match Schedule::parse(campaign.schedule.as_deref()?) {
            Ok(schedule) => Some(schedule),
            Err(error) => {
                self.warn(Warning::UnreadableSchedule {
                    campaign: e.campaign.clone(),
                    error: error.to_string(),
                });
                None
            }
        }
    }
}
