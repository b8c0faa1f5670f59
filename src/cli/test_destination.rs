//! `acceptd test`: sends a `webhook.test` event through the real delivery path and waits for the result.

use std::time::Duration;

use serde_json::json;

use super::client::Api;
use super::table::known;
use super::{Ended, Failure, output};
use crate::api::deliveries::Delivery;
use crate::api::destinations::TestStarted;
use crate::domain::delivery::DeliveryState;

/// How often the delivery is read, and how many times at most.
const READ_INTERVAL: Duration = Duration::from_millis(250);
const READS_MAX: u32 = 80;

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
    output::line(format_args!(
        "Sending a webhook.test event to {name}: {event}"
    ))?;
    for _ in 0..READS_MAX {
        let query = [("destination", name.as_str()), ("event", event.as_str())];
        let (deliveries, _) = api
            .list::<Delivery>(&["v1", "deliveries"], &query, 1)
            .await?;
        if let Some((ended, said)) = deliveries.first().and_then(outcome) {
            output::line(said)?;
            return Ok(ended);
        }
        tokio::time::sleep(READ_INTERVAL).await;
    }
    output::line(format_args!(
        "There is no result yet: see `acceptd deliveries --destination {name}`."
    ))?;
    Ok(Ended::Failed)
}

/// Returns the result of an attempt and a sentence about it; `None` if no attempt has ended.
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
