//! `acceptd status`: accounts, campaigns, backlog and destinations.

use std::collections::BTreeMap;

use serde::Serialize;

use super::client::Api;
use super::table::{self, Column, known, plain, time};
use super::{Ended, Failure, output};
use crate::api::accounts::Account;
use crate::api::campaigns::Campaign;
use crate::api::deliveries::Delivery;
use crate::api::destinations::Destination;
use crate::domain::delivery::DeliveryState;

/// The most items of one list that are read.
const ITEMS_MAX: usize = 5_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let (accounts, _) = api.list(&["v1", "accounts"], &[], ITEMS_MAX).await?;
    let (campaigns, _) = api.list(&["v1", "campaigns"], &[], ITEMS_MAX).await?;
    let (destinations, _) = api.list(&["v1", "destinations"], &[], ITEMS_MAX).await?;
    let status = Status {
        accounts,
        campaigns,
        destinations,
        backlog: backlog(api).await?,
    };
    if args.json {
        output::json(&status)?;
        return Ok(Ended::Done);
    }
    section("Accounts", &status.accounts, ACCOUNT_COLUMNS)?;
    section("Campaigns", &status.campaigns, CAMPAIGN_COLUMNS)?;
    section("Destinations", &status.destinations, DESTINATION_COLUMNS)?;
    section("Backlog", &status.backlog, BACKLOG_COLUMNS)?;
    Ok(Ended::Done)
}

#[derive(Serialize)]
struct Status {
    accounts: Vec<Account>,
    campaigns: Vec<Campaign>,
    destinations: Vec<Destination>,
    backlog: Vec<Backlog>,
}

/// The deliveries of one destination in one state.
#[derive(Serialize)]
struct Backlog {
    destination: String,
    state: DeliveryState,
    count: usize,
    /// Whether there are more than were counted.
    more: bool,
}

/// Counts what is not delivered, by destination and state.
async fn backlog(api: &Api) -> anyhow::Result<Vec<Backlog>> {
    let mut counts: BTreeMap<(String, &str), Backlog> = BTreeMap::new();
    for &state in DeliveryState::ALL {
        if state == DeliveryState::Delivered {
            continue;
        }
        let query = [("state", state.as_str())];
        let (items, more) = api
            .list::<Delivery>(&["v1", "deliveries"], &query, ITEMS_MAX)
            .await?;
        for item in items {
            let key = (item.destination.clone(), state.as_str());
            let entry = counts.entry(key).or_insert(Backlog {
                destination: item.destination,
                state,
                count: 0,
                more,
            });
            entry.count += 1;
        }
    }
    Ok(counts.into_values().collect())
}

fn section<T>(title: &str, items: &[T], columns: &[Column<T>]) -> std::io::Result<()> {
    if items.is_empty() {
        output::line(format_args!("{title}: none"))
    } else {
        output::line(format_args!("{title}\n{}", table::of(items, columns)))
    }
}

const ACCOUNT_COLUMNS: &[Column<Account>] = &[
    ("account", |a| plain(&a.id)),
    ("provider", |a| plain(a.provider)),
    ("workspace", |a| plain(&a.workspace_id)),
    ("health", |a| {
        let reason = known(a.health_reason.as_ref());
        format!("{} {reason}", a.health).trim().to_owned()
    }),
    ("open", |a| plain(a.open_enrollments)),
    ("last poll", |a| time(a.last_poll_at)),
    ("next poll", |a| time(a.next_poll_at)),
    ("calls today", |a| {
        format!("{} of {}", a.calls_today, a.daily_budget)
    }),
];

const CAMPAIGN_COLUMNS: &[Column<Campaign>] = &[
    ("campaign", |c| plain(&c.id)),
    ("name", |c| known(c.name.as_ref())),
    ("status", |c| plain(c.status)),
    ("enrolled", |c| plain(c.enrolled)),
    ("invited", |c| plain(c.invited)),
    ("accepted", |c| plain(c.accepted)),
    ("replied", |c| plain(c.replied)),
    ("late", |c| plain(c.late)),
    ("accept rate", |c| {
        known(c.accept_rate.map(|rate| format!("{:.0} %", rate * 100.0)))
    }),
];

const DESTINATION_COLUMNS: &[Column<Destination>] = &[
    ("destination", |d| plain(&d.name)),
    ("kind", |d| plain(d.kind)),
    ("stopped", |d| {
        let text = if d.stopped {
            "yes: enable it or test it"
        } else {
            "no"
        };
        text.to_owned()
    }),
];

const BACKLOG_COLUMNS: &[Column<Backlog>] = &[
    ("destination", |b| plain(&b.destination)),
    ("state", |b| plain(b.state)),
    ("deliveries", |b| {
        format!("{}{}", b.count, if b.more { "+" } else { "" })
    }),
];
