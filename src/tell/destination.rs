//! A destination as the dispatcher needs it. What it wants to hear of is not here: that is decided when an event is made.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use url::Url;

use super::sign::SigningSecret;

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

/// A URL that is a secret: shown only as its scheme and host.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl SecretUrl {
    /// Wraps a URL that is known to be `http` or `https`.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// Reads an absolute `http` or `https` URL. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(Self(url))
    }

    /// The URL itself, for the one who sends.
    #[must_use]
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// What is stored to know a URL again without keeping it: the SHA-256 of its text, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_str()))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}/…", self.0.scheme())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_does_not_show_its_secret_part() {
        let url = SecretUrl::parse("https://user:pw@hooks.slack.com/services/T0/B0/secret?x=1");
        let shown = format!("{url:?}");
        assert_eq!(shown, "Some(https://hooks.slack.com/…)");
        assert!(SecretUrl::parse("file:///etc/passwd").is_none());
        assert!(SecretUrl::parse("/relative").is_none());
    }
}
