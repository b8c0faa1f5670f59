//! What the configuration says that the stamping routine needs to know; swapped as a whole on reload.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::event::EventType;
use crate::domain::ids::{AccountId, CampaignId};
use crate::domain::provider::Provider;

/// One `[[account]]` entry, as far as the routine cares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPolicy {
    /// The workspace, where the entry names one.
    pub workspace: Option<String>,
    /// The provider, where the entry names one.
    pub provider: Option<Provider>,
    /// The time zone, where the entry names one.
    pub timezone: Option<TimeZone>,
}

/// How many next steps one account may have on one day of its time zone, over all campaigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCap {
    /// The cap; `None`: no cap beyond the campaigns' own.
    pub daily: Option<i64>,
    /// The time zone of accounts whose entry names none.
    pub timezone: TimeZone,
}

/// The `[[account]]` entries, with the accounts of each workspace at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    entries: BTreeMap<AccountId, AccountPolicy>,
    by_workspace: BTreeMap<String, BTreeSet<AccountId>>,
}

impl Accounts {
    /// The entry of an account.
    #[must_use]
    pub fn get(&self, account: &AccountId) -> Option<&AccountPolicy> {
        self.entries.get(account)
    }
}

impl FromIterator<(AccountId, AccountPolicy)> for Accounts {
    fn from_iter<I: IntoIterator<Item = (AccountId, AccountPolicy)>>(entries: I) -> Self {
        let entries: BTreeMap<_, _> = entries.into_iter().collect();
        let mut by_workspace: BTreeMap<String, BTreeSet<AccountId>> = BTreeMap::new();
        for (account, policy) in &entries {
            if let Some(workspace) = &policy.workspace {
                let accounts = by_workspace.entry(workspace.clone()).or_default();
                accounts.insert(account.clone());
            }
        }
        Self {
            entries,
            by_workspace,
        }
    }
}

/// Which events a destination wants (contract section 3, `[[destination]]`). An empty list wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The destination's name.
    pub name: String,
    /// Event types.
    pub events: Vec<EventType>,
    /// Campaigns.
    pub campaigns: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Workspaces.
    pub workspaces: Vec<String>,
    /// Whether accepts of people who were connected before are wanted.
    pub pre_connected: bool,
    /// Whether old news is wanted.
    pub backfill: bool,
}

/// What a route decides by.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What happened.
    pub event_type: EventType,
    /// In which campaign, where it happened in one.
    pub campaign: Option<&'a CampaignId>,
    /// To which account.
    pub account: &'a AccountId,
    /// Whether the two were connected before the invite.
    pub pre_connected: bool,
    /// Whether it was old news when it was found.
    pub backfill: bool,
}

/// The rules of one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The workspace of accounts that no entry names one for.
    pub workspace: String,
    /// The `[[account]]` entries.
    pub accounts: Accounts,
    /// The destinations.
    pub routes: Vec<Route>,
    /// An accept that is older than this when it is found is a backfill.
    pub announce_within: Duration,
    /// An invite older than this is no longer waited for.
    pub horizon: Duration,
    /// Next steps of one account on one day.
    pub steps: StepCap,
}

impl Policy {
    /// The time zone of an account.
    #[must_use]
    pub fn timezone(&self, account: &AccountId) -> &TimeZone {
        self.accounts
            .get(account)
            .and_then(|a| a.timezone.as_ref())
            .unwrap_or(&self.steps.timezone)
    }

    /// The workspace of an account.
    #[must_use]
    pub fn workspace(&self, account: &AccountId) -> &str {
        self.accounts
            .get(account)
            .and_then(|a| a.workspace.as_deref())
            .unwrap_or(&self.workspace)
    }

    /// Whether `other` is a sibling of `account`: both have entries that name the same workspace (contract section 5.2).
    #[must_use]
    pub fn siblings(&self, account: &AccountId, other: &AccountId) -> bool {
        let named = |id| self.accounts.get(id).and_then(|a| a.workspace.as_deref());
        account != other && named(account).is_some() && named(account) == named(other)
    }

    /// The account with its siblings: those whose entries name the same workspace. `None` when its entry names none.
    #[must_use]
    pub fn with_siblings(&self, account: &AccountId) -> Option<&BTreeSet<AccountId>> {
        let workspace = self.accounts.get(account)?.workspace.as_ref()?;
        self.accounts.by_workspace.get(workspace)
    }

    /// The destinations that want an event.
    #[must_use]
    pub fn wanted_by(&self, facts: &Facts<'_>) -> Vec<String> {
        let workspace = self.workspace(facts.account);
        let listed = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|entry| entry == value))
        };
        self.routes
            .iter()
            .filter(|route| {
                (route.events.is_empty() || route.events.contains(&facts.event_type))
                    && listed(&route.campaigns, facts.campaign.map(CampaignId::as_str))
                    && listed(&route.accounts, Some(facts.account.as_str()))
                    && listed(&route.workspaces, Some(workspace))
                    && (route.pre_connected || !facts.pre_connected)
                    && (route.backfill || !facts.backfill)
            })
            .map(|route| route.name.clone())
            .collect()
    }
}
