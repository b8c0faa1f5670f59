//! What an accept sets in motion in its campaign (contract section 12).

use super::Routine;
use crate::domain::enrollment::{CampaignFacts, Enrollment};
use crate::store::Error;

impl Routine<'_> {
    /// Queues the next step of an accept that is neither late nor pre-connected.
    pub(super) fn plan_next_step(
        &mut self,
        _e: &mut Enrollment,
        _campaign: &CampaignFacts,
    ) -> Result<(), Error> {
        Ok(())
    }
}
