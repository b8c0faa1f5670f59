//! `acceptd deliveries` and `acceptd replay`: lists deliveries and sends them again.

use serde_json::json;

use super::client::Api;
use super::table::{self, known, plain, time};
use super::{Ended, Failure, output};
use crate::api::deliveries::{Delivery, ReplayRequest, Replayed};
use crate::domain::delivery::DeliveryState;

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Only in this state: pending, sending, delivered, dead or held
    #[arg(long, value_name = "STATE", value_parser = |text: &str| text.parse::<DeliveryState>())]
    state: Option<DeliveryState>,
    /// Only to this destination
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// The most deliveries to list
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
    /// All dead deliveries
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
    let (items, more) = api
        .list::<Delivery>(&["v1", "deliveries"], &query, args.max)
        .await?;
    if args.json {
        output::json(&json!({"items": items, "more": more}))?;
        return Ok(Ended::Done);
    }
    if items.is_empty() {
        output::line("No deliveries.")?;
        return Ok(Ended::Done);
    }
    output::line(table_of(&items))?;
    if more {
        output::line("There are more: raise --max, or filter with --state or --destination.")?;
    }
    Ok(Ended::Done)
}

/// Deliveries as a table.
pub(super) fn table_of(items: &[Delivery]) -> comfy_table::Table {
    table::of(
        items,
        &[
            ("id", |d| plain(&d.id)),
            ("event", |d| plain(d.event_type)),
            ("destination", |d| plain(&d.destination)),
            ("state", |d| plain(d.state)),
            ("attempts", |d| plain(d.attempts)),
            ("created", |d| time(d.created_at)),
            ("delivered / next", |d| {
                time(d.delivered_at.or(d.next_attempt_at))
            }),
            ("last answer", |d| match &d.last_error {
                Some(error) => plain(error),
                None => known(d.last_status),
            }),
        ],
    )
}

pub(super) async fn replay(args: ReplayArgs, api: &Api) -> Result<Ended, Failure> {
    if args.dead {
        let request = ReplayRequest {
            state: DeliveryState::Dead,
            destination: args.destination.as_deref().map(Into::into),
        };
        let Replayed { replayed } = api.post(&["v1", "deliveries", "replay"], &request).await?;
        output::line(format_args!("{replayed} deliveries are sent again."))?;
        return Ok(Ended::Done);
    }
    let mut ended = Ended::Done;
    for id in &args.ids {
        match api
            .post::<Delivery>(&["v1", "deliveries", id, "replay"], &json!({}))
            .await
        {
            Ok(_) => output::line(format_args!("{id} will be sent again."))?,
            Err(error) => {
                output::error_line(format_args!("{id}: {error:#}"));
                ended = Ended::Failed;
            }
        }
    }
    Ok(ended)
}
