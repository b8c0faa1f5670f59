//! What a provider's account list says about an account: to which API it belongs, its name and its health.

use super::Routine;
use crate::domain::account::AccountReport;
use crate::domain::error::Error;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;

/// An account as a provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The provider's id.
    pub account: AccountId,
    /// The API whose list names it.
    pub provider: Provider,
    /// The name that the provider shows.
    pub name: Option<String>,
    /// Whether the account works; `Err` with the provider's word if it does not. `None` if the list does not say.
    pub health: Option<Result<(), String>>,
    /// Another id of the same account.
    pub formerly: Option<AccountId>,
    /// Whether the provider locked the account. `None` if the list does not say.
    pub locked: Option<bool>,
    /// When the list was asked for.
    pub asked_at: Timestamp,
}

impl Routine<'_> {
    /// Takes over what an account list says.
    ///
    /// The health counts only for accounts that have enrollments: nobody needs to know of the others. It does not end an outage that
    /// was reported after the list was asked for.
    ///
    /// # Errors
    /// An error of the store.
    pub fn account_listed(&mut self, listed: &Listed) -> Result<(), Error> {
        let account = &listed.account;
        self.ensure_account(account, listed.provider)?;
        let Some(stored) = self.tx.account(account)? else {
            return Ok(());
        };
        let configured = self.policy.accounts.get(account).and_then(|a| a.provider);
        let provider = match (configured, listed.provider) {
            (Some(configured), _) => configured,
            // SendPilot runs accounts that are also connected to API v1. Only the configuration can tell which one counts.
            (None, Provider::Unipile) if stored.provider == Provider::Sendpilot => stored.provider,
            (None, provider) => provider,
        };
        if let Some(former) = &listed.formerly {
            self.account_is_also(account, former)?;
        }
        if self.tx.canonical_account(account)? != *account {
            // Another API serves the account under another id, and tells its name and its health.
            return Ok(());
        }
        let name = listed.name.as_deref().or(stored.name.as_deref());
        if stored.provider != provider || stored.name.as_deref() != name {
            self.tx.set_account_listing(account, provider, name)?;
            self.tx.set_next_check(account, Some(self.now))?;
        }
        if self.tx.poll_row(account)?.is_none() {
            return Ok(());
        }
        let newer = stored
            .outage_since
            .is_some_and(|since| since >= listed.asked_at);
        match listed.locked {
            Some(true) => {
                self.account_reported(account, AccountReport::Locked, "account.locked")?;
            }
            Some(false) if !newer => {
                self.account_reported(account, AccountReport::Unlocked, "account.unlocked")?;
            }
            _ => {}
        }
        match &listed.health {
            Some(Ok(())) if !newer => self.account_works(account),
            Some(Err(reason)) => self.account_failed(account, reason),
            _ => Ok(()),
        }
    }

    /// Learns that an account has another id. From now on, both are one account: its pace, its polls and its health are kept under
    /// `account`.
    pub fn account_is_also(&mut self, account: &AccountId, other: &AccountId) -> Result<(), Error> {
        self.ensure_account(account, Provider::Unipile)?;
        self.ensure_account(other, Provider::Unipile)?;
        self.tx.merge_alias(other, account, self.now)?;
        Ok(())
    }
}
