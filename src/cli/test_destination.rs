//! `acceptd test`: send a `webhook.test` event through the real delivery path and wait for what becomes of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Api;
use super::table::plain;
use super::{Ended, Failure, say};

/// How often and how long the delivery is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS: u32 = 80;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The destination's name
    destination: String,
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let name = &args.destination;
    let path = ["v1", "destinations", name, "test"];
    let answer = api.post(&path, &json!({})).await?;
    let event = plain(&answer["eventId"]);
    say::line(format_args!(
        "A webhook.test event is on its way to {name}: {event}"
    ))?;
    for _ in 0..LOOKS {
        let query = [("destination", name.as_str()), ("event", event.as_str())];
        let (deliveries, _) = api.list(&["v1", "deliveries"], &query, 1).await?;
        if let Some((ended, said)) = deliveries.first().and_then(outcome) {
            say::line(said)?;
            return Ok(ended);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    say::line(format_args!(
        "It is still on its way: see `acceptd deliveries --destination {name}`."
    ))?;
    Ok(Ended::Failed)
}

/// How an attempt ended, and a sentence about it; `None` while none has.
fn outcome(delivery: &Value) -> Option<(Ended, String)> {
    let state = delivery["state"].as_str().unwrap_or_default();
    let error = plain(&delivery["lastError"]);
    if state == "delivered" {
        let status = plain(&delivery["lastStatus"]);
        return Some((
            Ended::Done,
            format!("Delivered: the receiver answered {status}."),
        ));
    }
    if error.is_empty() && matches!(state, "pending" | "sending" | "") {
        return None;
    }
    Some((
        Ended::Failed,
        format!("Not delivered, now {state}: {error}"),
    ))
}
