//! The part of the configuration that the stamping routine needs. A reload replaces it as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::domain::event::EventType;
use crate::domain::ids::{AccountId, CampaignId};
use crate::domain::provider::Provider;

/// What an `[[account]]` entry says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPolicy {
    /// The workspace, if the entry names one.
    pub workspace: Option<String>,
    /// The provider, if the entry names one.
    pub provider: Option<Provider>,
    /// The time zone, if the entry names one.
    pub timezone: Option<TimeZone>,
}

/// The cap on the next steps of one account on one day of its time zone, over all campaigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepCap {
    /// The cap. `None` if only the caps of the campaigns count.
    pub daily: Option<i64>,
    /// The time zone of accounts without one in their entry.
    pub timezone: TimeZone,
}

/// The `[[account]]` entries, indexed by workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts {
    entries: BTreeMap<AccountId, AccountPolicy>,
    by_workspace: BTreeMap<String, BTreeSet<AccountId>>,
}

impl Accounts {
    /// Returns the entry of an account.
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

/// The events that a destination wants. An empty list wants all. See `docs/rules/configuration.md`.
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
    /// Whether it wants accepts of people who were connected before the invite.
    pub pre_connected: bool,
    /// Whether it wants backfills.
    pub backfill: bool,
}

/// What decides which destinations get an event.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The type of the event.
    pub event_type: EventType,
    /// The campaign, if the event has one.
    pub campaign: Option<&'a CampaignId>,
    /// All ids of the account. The configuration may name any of them.
    pub account_ids: &'a [AccountId],
    /// Whether the prospect was connected before the invite.
    pub pre_connected: bool,
    /// Whether the event is a backfill.
    pub backfill: bool,
}

/// The rules of one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The workspace of accounts without one in their entry.
    pub workspace: String,
    /// The `[[account]]` entries.
    pub accounts: Accounts,
    /// The destinations.
    pub routes: Vec<Route>,
    /// An accept that is older than this when it is detected is a backfill.
    pub announce_within: Duration,
    /// An invite that is older than this is no longer open.
    pub horizon: Duration,
    /// The cap on next steps.
    pub steps: StepCap,
}

impl Policy {
    /// Returns the time zone of an account.
    #[must_use]
    pub fn timezone(&self, account: &AccountId) -> &TimeZone {
        self.accounts
            .get(account)
            .and_then(|a| a.timezone.as_ref())
            .unwrap_or(&self.steps.timezone)
    }

    /// Returns the workspace of an account.
    #[must_use]
    pub fn workspace(&self, account: &AccountId) -> &str {
        self.accounts
            .get(account)
            .and_then(|a| a.workspace.as_deref())
            .unwrap_or(&self.workspace)
    }

    /// Returns the workspace of an account with these ids: of the first one that an entry names.
    #[must_use]
    pub fn workspace_of(&self, ids: &[AccountId]) -> &str {
        ids.iter()
            .find_map(|id| self.accounts.get(id)?.workspace.as_deref())
            .unwrap_or(&self.workspace)
    }

    /// Whether `other` is a sibling of `account`: both have entries that name the same workspace.
    #[must_use]
    pub fn siblings(&self, account: &AccountId, other: &AccountId) -> bool {
        let named = |id| self.accounts.get(id).and_then(|a| a.workspace.as_deref());
        account != other && named(account).is_some() && named(account) == named(other)
    }

    /// Returns the account and its siblings. `None` if the entry of the account names no workspace.
    #[must_use]
    pub fn with_siblings(&self, account: &AccountId) -> Option<&BTreeSet<AccountId>> {
        let workspace = self.accounts.get(account)?.workspace.as_ref()?;
        self.accounts.by_workspace.get(workspace)
    }

    /// Returns the destinations that want an event.
    #[must_use]
    pub fn wanted_by(&self, facts: &Facts<'_>) -> Vec<String> {
        let workspace = self.workspace_of(facts.account_ids);
        let listed = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|entry| entry == value))
        };
        self.routes
            .iter()
            .filter(|route| {
                (route.events.is_empty() || route.events.contains(&facts.event_type))
                    && listed(&route.campaigns, facts.campaign.map(CampaignId::as_str))
                    && (route.accounts.is_empty()
                        || facts
                            .account_ids
                            .iter()
                            .any(|id| route.accounts.iter().any(|entry| entry == id.as_str())))
                    && listed(&route.workspaces, Some(workspace))
                    && (route.pre_connected || !facts.pre_connected)
                    && (route.backfill || !facts.backfill)
            })
            .map(|route| route.name.clone())
            .collect()
    }
}
