//! The health of an account: what stops its polling, and the one event per outage (contract section 4).

use super::Routine;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::store::Error;

impl Routine<'_> {
    /// Makes sure that an account exists; the configuration may name its provider.
    ///
    /// # Errors
    /// The store's.
    pub fn meet(&mut self, account: &AccountId, named_by: Provider) -> Result<(), Error> {
        let provider = self
            .policy
            .accounts
            .get(account)
            .and_then(|a| a.provider)
            .unwrap_or(named_by);
        self.tx.ensure_account(account, provider, self.now)
    }

    /// The account does not work: it is not polled until it does. Emits `linkedin.account_disconnected` when this is news.
    ///
    /// # Errors
    /// The store's.
    pub fn account_failed(&mut self, account: &AccountId, reason: &str) -> Result<(), Error> {
        let (since, is_new) = self.tx.account_failed(account, reason, self.now)?;
        if is_new {
            self.announce_disconnected(account, reason, since)?;
        }
        Ok(())
    }

    /// The account works.
    ///
    /// # Errors
    /// The store's.
    pub fn account_works(&mut self, account: &AccountId) -> Result<(), Error> {
        if self.tx.account_works(account)? {
            self.tx.schedule_check(account, false, self.now)?;
        }
        Ok(())
    }
}
