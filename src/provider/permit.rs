//! The right to make one call for one account. Only the pacer makes one, and every call for an account takes one by value.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::ids::AccountId;

/// A call is written within this of its permit, or it is not made: what the permit was judged by (health, hours, budget) may have
/// changed since.
pub const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// One call for one account may leave now. Spent by making it; a redirect that is followed needs another one.
///
/// It carries its own deadline, so nothing can keep a call waiting behind it: the client looks at the deadline when the connection is
/// up, immediately before it writes the request.
#[derive(Debug)]
pub struct Permit {
    account: AccountId,
    deadline: Deadline,
}

impl Permit {
    /// Made only after the call's time is on disk. `granted_at` is the steady time at which the call was judged.
    pub(in crate::provider) fn new(account: AccountId, clock: Clock, granted_at: Duration) -> Self {
        let leave_by = granted_at.saturating_add(LEAVE_WITHIN);
        Self {
            account,
            deadline: Deadline { clock, leave_by },
        }
    }

    /// The account the call is for.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Spends the permit: what is left of it is the time by which the call has to leave.
    pub(in crate::provider) fn spend(self) -> Deadline {
        self.deadline
    }
}

/// When a call has to have left, by a clock that no step of the machine's clock moves.
#[derive(Clone)]
pub(in crate::provider) struct Deadline {
    clock: Clock,
    leave_by: Duration,
}

impl Deadline {
    /// The time that is left; `None` when it is over.
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
