//! Whose cursors the provider refuses: one that expired starts the reading over at once, but not one after the other.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::AccountId;

/// The accounts whose last page after the first was refused for its cursor, and that finished no poll since.
#[derive(Debug, Default)]
pub(super) struct Expired(Mutex<HashSet<AccountId>>);

impl Expired {
    /// Remembers that an account's cursor was refused. Whether the one before it was, too.
    pub(super) fn again(&self, account: &AccountId) -> bool {
        let again = !self.accounts().insert(account.clone());
        if again {
            tracing::warn!(%account, "the provider takes none of its own cursors; the list is read again at the next tick");
        }
        again
    }

    /// A cursor of the account was taken, or its poll needed none.
    pub(super) fn forget(&self, account: &AccountId) {
        self.accounts().remove(account);
    }

    fn accounts(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
