//! Campaigns: what a user sets, and the change from draft to running.

use super::Routine;
use crate::domain::campaign::CampaignStatus;
use crate::domain::error::Error;
use crate::domain::ids::CampaignId;
use crate::domain::patch::Patch;
use crate::store::CampaignRow;

/// What a user changes of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignChange {
    /// Its name.
    pub name: Patch<String>,
    /// Its status, if that changes.
    pub status: Option<CampaignStatus>,
    /// How long after the invite an accept is waited for: as it was written, and in milliseconds.
    pub accept_window: Patch<(String, i64)>,
    /// After how long an open invite is reported: as it was written, and in milliseconds.
    pub not_accepted_after: Patch<(String, i64)>,
    /// When next steps may go out, as JSON.
    pub schedule: Patch<String>,
    /// How many next steps an account sends on one local day.
    pub daily_cap: Patch<i64>,
}

impl CampaignChange {
    fn apply(self, row: &mut CampaignRow) {
        if let Some(status) = self.status {
            row.status = status;
            row.status_was_set = true;
        }
        self.name.apply(&mut row.name);
        self.accept_window.apply(&mut row.accept_window);
        self.not_accepted_after.apply(&mut row.not_accepted_after);
        self.schedule.apply(&mut row.schedule);
        self.daily_cap.apply(&mut row.daily_cap);
    }
}

/// A campaign after a change.
#[derive(Debug, Clone)]
pub struct SavedCampaign {
    /// The campaign.
    pub row: CampaignRow,
    /// Whether it is new.
    pub is_new: bool,
    /// Whether anything of it is different now.
    pub changed: bool,
}

impl Routine<'_> {
    /// Changes a campaign, or creates it if `create`.
    ///
    /// [`Error::NotFound`] if there is no such campaign. [`Error::Conflict`] `no-usable-prospects` if it is to run and none of its
    /// enrollments has a usable identity.
    pub fn save_campaign(
        &mut self,
        id: &CampaignId,
        change: &CampaignChange,
        create: bool,
    ) -> Result<SavedCampaign, Error> {
        let found = self.tx.campaign(id)?;
        if found.is_none() && !create {
            return Err(Error::not_found("campaign", id.as_str()));
        }
        if change.status == Some(CampaignStatus::Running) && !self.tx.has_usable_prospects(id)? {
            return Err(Error::conflict(
                "no-usable-prospects",
                "No enrollment of this campaign has a LinkedIn identity that a signal could be tied to; enroll some first.",
            ));
        }
        let mut row = found
            .clone()
            .unwrap_or_else(|| CampaignRow::new(id.clone()));
        change.clone().apply(&mut row);
        let changed = found.as_ref() != Some(&row);
        if changed {
            self.tx.put_campaign(&row, self.now)?;
        }
        Ok(SavedCampaign {
            row,
            is_new: found.is_none(),
            changed,
        })
    }

    /// Makes a draft campaign run when it has its first usable identity, unless a user set its status.
    pub(super) fn run_with_prospects(&mut self, id: &CampaignId) -> Result<(), Error> {
        if let Some(row) = self.tx.campaign(id)? {
            let status = row.status.with_prospects(row.status_was_set);
            if status != row.status {
                self.tx.set_campaign_status(id, status)?;
            }
        }
        Ok(())
    }
}
