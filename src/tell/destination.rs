//! A destination as the dispatcher needs it. What it wants to hear of is not here: that is decided when an event is made.

use std::num::NonZeroU32;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};

use super::sign::SigningSecret;
use crate::domain::secret_url::SecretUrl;

/// What a destination speaks (contract section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Slack incoming webhook.
    Slack,
    /// acceptd's own events, signed by Standard Webhooks.
    Webhook,
    /// SendPilot's `connection.accepted`, with the Standard Webhooks headers.
    Sendpilot,
}

/// What becomes of a delivery whose request was written and whose answer was not read (contract section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InDoubt {
    /// Sent again with the same id: the receiver drops what it has seen.
    Resend,
    /// Left for a person: a chat channel can't drop what it has seen.
    Hold,
}

/// At most `count` requests in `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In what span; not zero.
    pub per: Duration,
}

/// One `[[destination]]` (contract section 3), checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its name, unique.
    pub name: String,
    /// What it speaks.
    pub kind: Kind,
    /// Where it is.
    pub url: SecretUrl,
    /// The most requests it gets.
    pub rate: Rate,
    /// The most requests at the same time.
    pub concurrency: NonZeroU32,
    /// From the start of an attempt to the end of its answer.
    pub timeout: Duration,
    /// What becomes of deliveries in doubt.
    pub in_doubt: InDoubt,
    /// All of them sign; not used by Slack.
    pub secrets: Vec<SigningSecret>,
    /// Sent along; marked as sensitive, so they are not shown.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}
