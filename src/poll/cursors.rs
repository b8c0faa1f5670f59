//! Remembers refused cursors: the first one starts the list over at once, the next one waits for the tick.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::AccountId;

/// The accounts whose last cursor was refused and that finished no poll since.
#[derive(Debug, Default)]
pub(super) struct RefusedCursors(Mutex<HashSet<AccountId>>);

impl RefusedCursors {
    /// Records that an account's cursor was refused. Returns whether the previous one was refused too.
    pub(super) fn again(&self, account: &AccountId) -> bool {
        let again = !self.accounts().insert(account.clone());
        if again {
            tracing::warn!(%account, "the provider refused two of its own cursors in a row, waiting for the next tick");
        }
        again
    }

    /// Clears the record after a cursor was accepted, or a poll needed none.
    pub(super) fn forget(&self, account: &AccountId) {
        self.accounts().remove(account);
    }

    fn accounts(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
