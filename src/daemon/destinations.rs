//! Turns the configured destinations into those of the dispatcher, and counts its attempts.

use std::num::NonZeroU32;

use crate::config;
use crate::domain::event::EventType;
use crate::metrics::Metrics;
use crate::tell::sign::SigningSecret;
use crate::tell::{DeliveryObserver, Destination, DestinationKind, InDoubt, RateLimit};

/// Returns the destinations of a configuration for the dispatcher.
#[must_use]
pub fn destinations(config: &config::Config) -> Vec<Destination> {
    config.destinations.iter().map(destination).collect()
}

fn destination(from: &config::Destination) -> Destination {
    let concurrency = u32::try_from(from.concurrency).unwrap_or(u32::MAX);
    Destination {
        name: from.name.clone(),
        kind: match from.kind {
            config::Kind::Slack => DestinationKind::Slack,
            config::Kind::Webhook => DestinationKind::Webhook,
            config::Kind::Sendpilot => DestinationKind::Sendpilot,
        },
        url: from.url.clone(),
        // The configuration refuses a zero.
        rate: RateLimit {
            count: NonZeroU32::new(from.rate.count).unwrap_or(NonZeroU32::MIN),
            per: from.rate.window,
        },
        concurrency: NonZeroU32::new(concurrency).unwrap_or(NonZeroU32::MIN),
        timeout: from.timeout,
        in_doubt: match from.in_doubt {
            config::InDoubt::Hold => InDoubt::Hold,
            config::InDoubt::Resend => InDoubt::Resend,
        },
        // The configuration has already parsed every secret, so none is left out.
        secrets: from
            .secrets
            .iter()
            .filter_map(|secret| SigningSecret::parse(secret.expose()).ok())
            .collect(),
        headers: from.headers.clone(),
    }
}

impl DeliveryObserver for Metrics {
    fn attempted(&self, destination: &str, event: EventType, result: &'static str) {
        self.attempt(destination, event, result);
    }
}
