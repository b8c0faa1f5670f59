//! A destination as the dispatcher needs it. Which events it gets is decided elsewhere, when an event is created.

use std::num::NonZeroU32;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};

use super::sign::SigningSecret;
use crate::domain::secret_url::SecretUrl;

/// The format that a destination expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationKind {
    /// A Slack incoming webhook.
    Slack,
    /// acceptd's own events, signed by Standard Webhooks.
    Webhook,
    /// SendPilot's `connection.accepted`, with the Standard Webhooks headers.
    Sendpilot,
}

/// What to do with a delivery whose request was written and whose answer was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InDoubt {
    /// Send it again with the same id. The receiver recognises the id and ignores the repetition.
    Resend,
    /// Leave it for a person to decide, because a chat channel would show the event twice.
    Hold,
}

/// A rate limit: at most `count` requests in each `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Number of requests.
    pub count: NonZeroU32,
    /// Length of the span; not zero.
    pub per: Duration,
}

/// One valid `[[destination]]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Unique name.
    pub name: String,
    /// Format of the requests.
    pub kind: DestinationKind,
    /// Address that requests are sent to.
    pub url: SecretUrl,
    /// Limit on how often requests are sent.
    pub rate: RateLimit,
    /// The most requests in flight at the same time.
    pub concurrency: NonZeroU32,
    /// Time limit from the start of an attempt to the end of its answer.
    pub timeout: Duration,
    /// What to do with deliveries in doubt.
    pub in_doubt: InDoubt,
    /// Signing secrets. Each one adds a signature; Slack destinations do not use them.
    pub secrets: Vec<SigningSecret>,
    /// Additional request headers. They are marked as sensitive, so `Debug` does not print them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}
