//! `acceptd status`: accounts, campaigns, backlog and destinations at a glance.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::client::Api;
use super::table::{self, plain, time};
use super::{Ended, Failure, say};
use crate::domain::delivery::DeliveryState;

/// More of one list than this is not read; nobody would read it either.
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
    let backlog = backlog(api).await?;
    if args.json {
        say::json(&json!({
            "accounts": accounts, "campaigns": campaigns, "destinations": destinations, "backlog": backlog,
        }))?;
        return Ok(Ended::Done);
    }
    section("Accounts", &accounts, account_columns())?;
    section("Campaigns", &campaigns, campaign_columns())?;
    section("Destinations", &destinations, destination_columns())?;
    section("Backlog", &backlog, backlog_columns())?;
    Ok(Ended::Done)
}

/// What is not delivered, by destination and state.
async fn backlog(api: &Api) -> anyhow::Result<Vec<Value>> {
    let mut counts: BTreeMap<(String, &str), (usize, bool)> = BTreeMap::new();
    for state in DeliveryState::ALL {
        if *state == DeliveryState::Delivered {
            continue;
        }
        let query = [("state", state.as_str())];
        let (items, more) = api.list(&["v1", "deliveries"], &query, ITEMS_MAX).await?;
        for item in items {
            let key = (plain(&item["destination"]), state.as_str());
            let entry = counts.entry(key).or_default();
            entry.0 += 1;
            entry.1 |= more;
        }
    }
    Ok(counts
        .into_iter()
        .map(|((destination, state), (count, more))| {
            json!({"destination": destination, "state": state, "count": count, "more": more})
        })
        .collect())
}

type Columns = &'static [table::Column];

fn section(title: &str, items: &[Value], columns: Columns) -> std::io::Result<()> {
    if items.is_empty() {
        say::line(format_args!("{title}: none"))
    } else {
        say::line(format_args!("{title}\n{}", table::of(items, columns)))
    }
}

fn account_columns() -> Columns {
    &[
        ("account", |a| plain(&a["id"])),
        ("provider", |a| plain(&a["provider"])),
        ("workspace", |a| plain(&a["workspaceId"])),
        ("health", |a| {
            let reason = plain(&a["healthReason"]);
            format!("{} {reason}", plain(&a["health"]))
                .trim()
                .to_owned()
        }),
        ("open", |a| plain(&a["openEnrollments"])),
        ("last poll", |a| time(&a["lastPollAt"])),
        ("next poll", |a| time(&a["nextPollAt"])),
        ("calls today", |a| {
            format!(
                "{} of {}",
                plain(&a["callsToday"]),
                plain(&a["dailyBudget"])
            )
        }),
    ]
}

fn campaign_columns() -> Columns {
    &[
        ("campaign", |c| plain(&c["id"])),
        ("name", |c| plain(&c["name"])),
        ("status", |c| plain(&c["status"])),
        ("enrolled", |c| plain(&c["enrolled"])),
        ("invited", |c| plain(&c["invited"])),
        ("accepted", |c| plain(&c["accepted"])),
        ("replied", |c| plain(&c["replied"])),
        ("late", |c| plain(&c["late"])),
        ("accept rate", |c| {
            c["acceptRate"]
                .as_f64()
                .map(|r| format!("{:.0} %", r * 100.0))
                .unwrap_or_default()
        }),
    ]
}

fn destination_columns() -> Columns {
    &[
        ("destination", |d| plain(&d["name"])),
        ("kind", |d| plain(&d["kind"])),
        ("stopped", |d| {
            let stopped = d["stopped"].as_bool() == Some(true);
            if stopped {
                "yes: enable it or test it"
            } else {
                "no"
            }
            .to_owned()
        }),
    ]
}

fn backlog_columns() -> Columns {
    &[
        ("destination", |b| plain(&b["destination"])),
        ("state", |b| plain(&b["state"])),
        ("deliveries", |b| {
            let more = if b["more"].as_bool() == Some(true) {
                "+"
            } else {
                ""
            };
            format!("{}{more}", plain(&b["count"]))
        }),
    ]
}
