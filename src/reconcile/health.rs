//! The health of accounts: what stops their polling, and the one event of an outage. See `docs/rules/webhooks.md`.

use super::Routine;
use crate::domain::error::Error;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;

impl Routine<'_> {
    /// Creates the account if it does not exist. Its provider is the one of the configuration, or else `named_by`.
    pub fn ensure_account(&mut self, account: &AccountId, named_by: Provider) -> Result<(), Error> {
        let provider = self
            .policy
            .accounts
            .get(account)
            .and_then(|a| a.provider)
            .unwrap_or(named_by);
        self.tx.ensure_account(account, provider, self.now)
    }

    /// Notes that the account does not work. It is not polled until it does. The first failure of an outage makes the event
    /// `linkedin.account_disconnected`.
    pub fn account_failed(&mut self, account: &AccountId, reason: &str) -> Result<(), Error> {
        let Some(account) = &self.served_as(account)? else {
            return Ok(());
        };
        let (since, is_new) = self.tx.account_failed(account, reason, self.now)?;
        if is_new {
            self.announce_disconnected(account, reason, since)?;
        }
        Ok(())
    }

    /// Notes that the account works. If that ends an outage, it is due for a poll.
    pub fn account_works(&mut self, account: &AccountId) -> Result<(), Error> {
        let Some(account) = &self.served_as(account)? else {
            return Ok(());
        };
        if self.tx.account_works(account)? {
            self.tx.schedule_check(account, false, self.now)?;
        }
        Ok(())
    }

    /// Returns the account whose health an API tells under this id, or `None` if the account is served under another id. An alias counts
    /// only if the configuration keeps the account on the API of that alias.
    fn served_as(&self, id: &AccountId) -> Result<Option<AccountId>, Error> {
        let account = self.tx.canonical_account(id)?;
        if account == *id {
            return Ok(Some(account));
        }
        let ids = self.tx.account_ids(id)?;
        let configured = ids
            .iter()
            .find_map(|id| self.policy.accounts.get(id)?.provider);
        let stored = self.tx.account(id)?.map(|row| row.provider);
        Ok((configured.is_some() && configured == stored).then_some(account))
    }
}
