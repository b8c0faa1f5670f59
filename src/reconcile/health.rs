//! The health of accounts: what stops their polling, and the one event of an outage. See `docs/rules/webhooks.md`.

use super::Routine;
use crate::domain::account::AccountReport;
use crate::domain::error::Error;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;

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

    /// Stores what a provider reported about an account, with the provider's words as the reason.
    pub fn account_reported(
        &mut self,
        account: &AccountId,
        report: AccountReport,
        reason: &str,
    ) -> Result<(), Error> {
        let Some(account) = &self.served_as(account)? else {
            return Ok(());
        };
        match report {
            AccountReport::Works => self.account_works(account),
            AccountReport::Failed => self.account_failed(account, reason),
            AccountReport::Locked => {
                let outage = self.tx.account_locked(account, reason, self.now)?;
                self.outage(account, reason, outage)
            }
            AccountReport::Unlocked => {
                let ended = self.tx.account_unlocked(account)?;
                self.outage_ended(account, ended)
            }
            AccountReport::NoChange => Ok(()),
        }
    }

    /// Stores that the account does not work. It is not polled until it works again. The first report of an outage emits
    /// `linkedin.account_disconnected`.
    pub fn account_failed(&mut self, account: &AccountId, reason: &str) -> Result<(), Error> {
        let Some(account) = &self.served_as(account)? else {
            return Ok(());
        };
        let outage = self.tx.account_failed(account, reason, self.now)?;
        self.outage(account, reason, outage)
    }

    /// Stores that the status of the account is good. A lock stays.
    pub fn account_works(&mut self, account: &AccountId) -> Result<(), Error> {
        let Some(account) = &self.served_as(account)? else {
            return Ok(());
        };
        let ended = self.tx.account_works(account)?;
        self.outage_ended(account, ended)
    }

    /// Stores that a call for the account succeeded. It ends an outage of any kind, because no call succeeds for a locked account.
    pub fn account_answered(&mut self, account: &AccountId) -> Result<(), Error> {
        let Some(account) = &self.served_as(account)? else {
            return Ok(());
        };
        self.account_works(account)?;
        let ended = self.tx.account_unlocked(account)?;
        self.outage_ended(account, ended)
    }

    fn outage(
        &mut self,
        account: &AccountId,
        reason: &str,
        (since, is_new): (Timestamp, bool),
    ) -> Result<(), Error> {
        if is_new {
            self.announce_disconnected(account, reason, since)?;
        }
        Ok(())
    }

    fn outage_ended(&mut self, account: &AccountId, ended: bool) -> Result<(), Error> {
        if ended {
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
