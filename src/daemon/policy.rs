//! Turns the configuration into the rules of the stamping routine.

use crate::config::{Config, Destination, Wants};
use crate::domain::ids::{AccountId, CampaignId};
use crate::reconcile::{AccountPolicy, Policy, Route, StepCap};

/// Returns the rules of a configuration.
#[must_use]
pub fn policy(config: &Config) -> Policy {
    Policy {
        workspace: config.workspace_id.clone(),
        accounts: config
            .accounts
            .iter()
            .map(|account| {
                let policy = AccountPolicy {
                    workspace: account.workspace_id.clone(),
                    provider: account.provider,
                    timezone: account.timezone.clone(),
                };
                (account.id.clone(), policy)
            })
            .collect(),
        routes: config.destinations.iter().map(route).collect(),
        announce_within: config.events.announce_within,
        horizon: config.poll.horizon,
        steps: StepCap {
            daily: config.steps.account_daily_cap.map(i64::from),
            timezone: config.poll.timezone.clone(),
        },
    }
}

fn route(destination: &Destination) -> Route {
    let campaign = |id: &CampaignId| id.as_str().to_owned();
    let account = |id: &AccountId| id.as_str().to_owned();
    Route {
        name: destination.name.clone(),
        events: destination.events.clone(),
        campaigns: destination.campaigns.iter().map(campaign).collect(),
        accounts: destination.accounts.iter().map(account).collect(),
        workspaces: destination.workspaces.clone(),
        pre_connected: destination.pre_connected == Wants::Include,
        backfill: destination.backfill == Wants::Include,
    }
}
