//! `acceptd test`: send a `webhook.test` event through the real delivery path and wait for what becomes of it.

use std::time::Duration;

use serde_json::json;

use super::client::Api;
use super::table::known;
use super::{Ended, Failure, say};
use crate::api::deliveries::Delivery;
use crate::api::destinations::TestStarted;
use crate::domain::delivery::DeliveryState;

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
    let TestStarted {
        event_id: event, ..
    } = api.post(&path, &json!({})).await?;
    say::line(format_args!(
        "A webhook.test event is on its way to {name}: {event}"
    ))?;
    for _ in 0..LOOKS {
        let query = [("destination", name.as_str()), ("event", event.as_str())];
        let (deliveries, _) = api
            .list::<Delivery>(&["v1", "deliveries"], &query, 1)
            .await?;
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
fn outcome(delivery: &Delivery) -> Option<(Ended, String)> {
    let state = delivery.state;
    if state == DeliveryState::Delivered {
        let status = known(delivery.last_status);
        return Some((
            Ended::Done,
            format!("Delivered: the receiver answered {status}."),
        ));
    }
    let error = known(delivery.last_error.as_ref());
    if error.is_empty() && matches!(state, DeliveryState::Pending | DeliveryState::Sending) {
        return None;
    }
    Some((
        Ended::Failed,
        format!("Not delivered, now {state}: {error}"),
    ))
}
