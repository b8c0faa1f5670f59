//! `acceptd deliveries` and `acceptd replay`: look at deliveries and send them again.

use serde_json::{Value, json};

use super::client::Api;
use super::table::{self, plain, time};
use super::{Ended, Failure, say};
use crate::domain::delivery::DeliveryState;

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only in this state: pending, sending, delivered, dead or held
    #[arg(long, value_name = "STATE", value_parser = |text: &str| text.parse::<DeliveryState>())]
    state: Option<DeliveryState>,
    /// Only to this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max: usize,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// The ids of deliveries, in any state
    #[arg(value_name = "ID", required_unless_present = "dead")]
    ids: Vec<String>,
    /// All that are dead
    #[arg(long, conflicts_with = "ids")]
    dead: bool,
    /// With --dead: only to this destination
    #[arg(long, value_name = "NAME", requires = "dead")]
    destination: Option<String>,
}

pub(super) async fn list(args: ListArgs, api: &Api) -> Result<Ended, Failure> {
    let mut query = Vec::new();
    if let Some(state) = args.state {
        query.push(("state", state.as_str()));
    }
    if let Some(name) = &args.destination {
        query.push(("destination", name));
    }
    let (items, more) = api.list(&["v1", "deliveries"], &query, args.max).await?;
    if args.json {
        say::json(&json!({"items": items, "more": more}))?;
        return Ok(Ended::Done);
    }
    if items.is_empty() {
        say::line("No deliveries.")?;
        return Ok(Ended::Done);
    }
    say::line(table_of(&items))?;
    if more {
        say::line("There are more: raise --max, or narrow it with --state or --destination.")?;
    }
    Ok(Ended::Done)
}

/// Deliveries as a table.
pub(super) fn table_of(items: &[Value]) -> comfy_table::Table {
    table::of(
        items,
        &[
            ("id", |d| plain(&d["id"])),
            ("event", |d| plain(&d["eventType"])),
            ("destination", |d| plain(&d["destination"])),
            ("state", |d| plain(&d["state"])),
            ("attempts", |d| plain(&d["attempts"])),
            ("created", |d| time(&d["createdAt"])),
            ("delivered / next", |d| {
                let delivered = time(&d["deliveredAt"]);
                if delivered.is_empty() {
                    time(&d["nextAttemptAt"])
                } else {
                    delivered
                }
            }),
            ("last answer", |d| {
                let error = plain(&d["lastError"]);
                if error.is_empty() {
                    plain(&d["lastStatus"])
                } else {
                    error
                }
            }),
        ],
    )
}

pub(super) async fn replay(args: ReplayArgs, api: &Api) -> Result<Ended, Failure> {
    if args.dead {
        let mut body = json!({"state": "dead"});
        if let Some(name) = args.destination {
            body["destination"] = name.into();
        }
        let answer = api.post(&["v1", "deliveries", "replay"], &body).await?;
        say::line(format_args!(
            "{} deliveries are sent again.",
            plain(&answer["replayed"])
        ))?;
        return Ok(Ended::Done);
    }
    let mut ended = Ended::Done;
    for id in &args.ids {
        match api
            .post(&["v1", "deliveries", id, "replay"], &json!({}))
            .await
        {
            Ok(_) => say::line(format_args!("{id} is sent again."))?,
            Err(error) => {
                say::problem(format_args!("{id}: {error:#}"));
                ended = Ended::Failed;
            }
        }
    }
    Ok(ended)
}
