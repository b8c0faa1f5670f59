//! The permit for one provider call. Only the pacer makes permits, and every call for an account takes one by value.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::ids::AccountId;

/// The time after its permit within which a request has to be written. After that, what the permit was judged by (health, hours,
/// budget) may have changed.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The permit to make one call for one account now. Making the call consumes it; following a redirect needs another one.
///
/// It carries a deadline. The client checks the deadline when the connection is established, immediately before it writes the
/// request, so a call can't wait behind its permit.
#[derive(Debug)]
pub struct Permit {
    account: AccountId,
    called_as: Option<AccountId>,
    deadline: Deadline,
}

impl Permit {
    /// Makes a permit, after the start of the call is on disk. `granted_at` is the monotonic time at which the call was judged.
    pub(in crate::provider) fn new(account: AccountId, clock: Clock, granted_at: Duration) -> Self {
        let leave_by = granted_at.saturating_add(LEAVE_WITHIN);
        Self {
            account,
            called_as: None,
            deadline: Deadline { clock, leave_by },
        }
    }

    /// Returns the account that may be called.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Lets the call name the account by another of its ids, because the API that serves it knows it by that one.
    #[must_use]
    pub fn called_as(self, id: AccountId) -> Self {
        Self {
            called_as: Some(id),
            ..self
        }
    }

    /// Returns the id by which the call names the account.
    pub(in crate::provider) fn wire_id(&self) -> &AccountId {
        self.called_as.as_ref().unwrap_or(&self.account)
    }

    /// Consumes the permit and returns the time by which the request has to be written.
    pub(in crate::provider) fn spend(self) -> Deadline {
        self.deadline
    }
}

/// The time by which a request has to be written, on the monotonic clock.
#[derive(Clone)]
pub(in crate::provider) struct Deadline {
    clock: Clock,
    leave_by: Duration,
}

impl Deadline {
    /// Returns the remaining time, or `None` after the deadline.
    pub fn left(&self) -> Option<Duration> {
        let left = self.leave_by.saturating_sub(self.clock.steady());
        (!left.is_zero()).then_some(left)
    }
}

impl std::fmt::Debug for Deadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deadline")
            .field("leave_by", &self.leave_by)
            .finish_non_exhaustive()
    }
}
