//! What the poller and the resyncs write. When an account may be called is not decided here but by the pacer.

use std::time::Duration;

use super::Routine;
use crate::domain::error::Error;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::store::{PollRow, ResyncRow};

impl Routine<'_> {
    /// Stores how far the polling of an account came.
    pub fn save_poll(&mut self, row: &PollRow) -> Result<(), Error> {
        self.tx.set_poll(row)
    }

    /// Asks for a poll of one account on behalf of a user. During an outage that is a probe.
    pub fn request_poll(&mut self, account: &AccountId) -> Result<(), Error> {
        self.tx.request_poll(account, self.now)
    }

    /// Asks for a poll of every account on behalf of a user. Returns how many accounts there are.
    pub fn request_all_polls(&mut self) -> Result<usize, Error> {
        self.tx.request_poll_of_all(self.now)
    }

    /// Stores a promised resync and makes its account due.
    pub fn promise_resync(&mut self, row: &ResyncRow) -> Result<(), Error> {
        self.tx.insert_resync(row)?;
        if row.by_poll {
            self.tx.request_own_poll(&row.account, self.now)?;
        }
        self.tx.schedule_check(&row.account, false, self.now)
    }

    /// Notes that a promised resync got its answer. Requests for the same prospect join it until `collapse_until`.
    pub fn resync_called(&mut self, id: &str, collapse_until: Timestamp) -> Result<(), Error> {
        self.tx.resync_called(id, self.now, collapse_until)
    }

    /// Notes that the call of a promised resync failed, so that it is tried again. `slashed`: with a slash behind its path.
    pub fn resync_failed(&mut self, id: &str, slashed: bool) -> Result<(), Error> {
        self.tx.resync_failed(id, slashed)
    }

    /// Notes that a poll that left at `left_at` answered the resyncs that wait for one.
    pub fn resyncs_polled(
        &mut self,
        account: &AccountId,
        left_at: Timestamp,
        spacing: Duration,
    ) -> Result<(), Error> {
        self.tx.resyncs_polled(account, left_at, self.now, spacing)
    }
}
