//! What an accept, or its absence, sets in motion in its campaign (contract section 12).

use std::time::Duration;

use super::announce::invite_data;
use super::{Routine, Warning};
use crate::domain::campaign::{CampaignFacts, CampaignStatus};
use crate::domain::enrollment::Enrollment;
use crate::domain::event::{EventType, open_key, step_key};
use crate::domain::ids::EnrollmentId;
use crate::domain::schedule::{Schedule, local_day};
use crate::domain::time::Timestamp;
use crate::store::{Error, OpenScope};

/// How many local days ahead a step is queued at most, should all before them be full.
const DAYS_AHEAD_MAX: u32 = 3_660;
/// When a due step that finds no slot is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(86_400);

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

    /// Queues the next step by hand, late or not; in a campaign that does not run it waits until it does. Returns the
    /// enrollment as it stands afterwards.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it was not accepted, has a step already, or its campaign has no schedule.
    pub fn queue_next_step(&mut self, id: &EnrollmentId) -> Result<Enrollment, Error> {
        let mut e = self.existing(id)?;
        if e.accept.is_none() {
            return Err(Error::conflict(
                "not-accepted",
                "The next step comes after the accept, and there is none.",
            ));
        }
        if let Some(at) = e.next_step_at {
            return Err(Error::conflict(
                "step-exists",
                format!("Its next step was queued before, for {at}."),
            ));
        }
        let campaign = self.campaign_of(&e)?;
        let no_slot = || {
            Error::conflict(
                "no-schedule",
                "Its campaign has no schedule to find a slot with; set one first.",
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

    /// Sends out the steps that are due, or moves them: a slot that is no longer valid (the campaign was paused, its schedule
    /// changed, nobody ran) and a day that is full wait for the next. Looks at no more than `limit`; returns at how many.
    ///
    /// # Errors
    /// The store's.
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

    /// Reports invites that stayed open for longer than their campaign's `notAcceptedAfter`. Looks at no more than `limit`;
    /// returns at how many.
    ///
    /// # Errors
    /// The store's.
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

    /// Until when a due step has to wait; `None` when it may go out now. Without a schedule any time is valid.
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
        // Without a slot it is looked at again a day later: it never goes out on a day that is full.
        let later = self.free_slot(e, campaign, schedule, from)?;
        Ok(Some(later.unwrap_or(from.plus(LOOK_AGAIN))))
    }

    /// The next valid slot from `from` on, plus a random part of the jitter, on a day that is not full.
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

    /// The end of the day that holds `at`, if that day has no room for another next step: by the campaign's own cap on a day of its
    /// schedule, or by the cap over all campaigns on a day of the account's time zone. A step that is due (`only_sent`) competes
    /// only with those that went out: whatever is queued, no day ever has more than its cap.
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
        row.map(|row| row.facts())
            .ok_or_else(|| Error::Internal(format!("the campaign of {:?} is gone", e.id)))
    }

    /// The campaign's schedule. One that this machine can't read (its time zone is gone) holds up no accept.
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
