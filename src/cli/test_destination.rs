//! `acceptd test`: send a `webhook.test` event through the real delivery path and wait for what becomes of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Api;
use super::table::plain;
use super::{Ended, Failure};

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
    println!("A webhook.test event is on its way to {name}: {event}");
    for _ in 0..LOOKS {
        let query = [("destination", name.as_str()), ("event", event.as_str())];
        let (deliveries, _) = api.list(&["v1", "deliveries"], &query, 1).await?;
        if let Some(ended) = deliveries.first().and_then(outcome) {
            return Ok(ended);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    println!("It is still on its way: see `acceptd deliveries --destination {name}`.");
    Ok(Ended::Failed)
}

/// Says how an attempt ended; `None` while none has.
fn outcome(delivery: &Value) -> Option<Ended> {
    let state = delivery["state"].as_str().unwrap_or_default();
    let error = plain(&delivery["lastError"]);
    let status = plain(&delivery["lastStatus"]);
    if state == "delivered" {
        println!("Delivered: the receiver answered {status}.");
        return Some(Ended::Done);
    }
    if error.is_empty() && matches!(state, "pending" | "sending" | "") {
        return None;
    }
    println!("Not delivered, now {state}: {error} {status}");
    Some(Ended::Failed)
}
