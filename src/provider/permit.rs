//! The right to make one call for one account. Only the pacer makes one, and every call for an account takes one by value.

use crate::domain::ids::AccountId;

/// One call for one account may leave now. Spent by making it; a redirect that is followed needs another one.
#[derive(Debug)]
pub struct Permit {
    account: AccountId,
}

impl Permit {
    /// Made only after the call's time is on disk (contract section 9).
    pub(in crate::provider) fn new(account: AccountId) -> Self {
        Self { account }
    }

    /// The account the call is for.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }
}
