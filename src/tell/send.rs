//! Makes one delivery attempt: sends a POST and reads the answer. It retries nothing and follows no redirect.
//!
//! A destination with `in_doubt = "hold"` gets a new connection for every request. If a receiver closes a kept connection just when a
//! request is written, nobody can tell whether it read the request. Each such race would hold a delivery for a person.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};

use super::attempt::{Answer, Attempt, retry_after};
use super::destination::{Destination, DestinationKind, InDoubt};
use super::redact::Redactor;
use super::sign;
use crate::clock::Clock;
use crate::http::{self, Reach, RefusedAddress, ResolveError};

/// The most bytes of an answer's body that are read.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long to wait for the body of an answer whose status is enough to judge it. Slack's answers are judged by their body, so they get
/// the whole timeout.
const BODY_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long an idle connection is kept. Common receivers close theirs later: Node after 5 s, most others after 60 s.
const IDLE: Duration = Duration::from_secs(4);

/// The addresses that a destination may have.
const REACH: Reach = Reach::NoSpecial;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Sends requests to one destination.
pub struct Sender {
    client: Client,
    destination: Destination,
    redactor: Redactor,
    clock: Clock,
}

impl Sender {
    /// Creates a sender with every limit set.
    ///
    /// # Errors
    /// If the TLS library can't be set up, for example because there is no root certificate.
    pub fn new(destination: Destination, clock: Clock) -> Result<Self, reqwest::Error> {
        let client = http::build(destination.timeout, REACH, |settings| {
            if destination.in_doubt == InDoubt::Hold {
                settings.pool_max_idle_per_host(0)
            } else {
                settings.pool_idle_timeout(IDLE)
            }
        })?;
        Ok(Self {
            client,
            redactor: Redactor::new(&destination),
            destination,
            clock,
        })
    }

    /// Returns the destination.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Makes one attempt with this event id and request body.
    pub async fn send(&self, event_id: &str, body: String) -> Attempt {
        if let Err(refused) = REACH.check_url(self.destination.url.expose()) {
            return self.refused(refused);
        }
        let headers = self.headers(event_id, &body);
        let request = self
            .client
            .post(self.destination.url.expose().clone())
            .headers(headers);
        match request.body(body).send().await {
            Ok(response) => Attempt::Answer(self.read(response).await),
            Err(error) => self.failed(&error.without_url()),
        }
    }

    /// Returns the configured headers and our own, which replace configured ones of the same name.
    fn headers(&self, event_id: &str, body: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.destination.headers {
            headers.append(name, value.clone());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.destination.kind == DestinationKind::Slack {
            return headers;
        }
        let timestamp_s = self.clock.now().0.div_euclid(1000);
        let signature = sign::signature(&self.destination.secrets, event_id, timestamp_s, body);
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(timestamp_s));
        // Event ids and base64 are plain ASCII, so both are valid header values.
        let ours = [
            (WEBHOOK_ID, Some(event_id.to_owned())),
            (WEBHOOK_SIGNATURE, signature),
        ];
        for (name, text) in ours {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
            }
        }
        headers
    }

    async fn read(&self, mut response: Response) -> Answer {
        let status = response.status().as_u16();
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after(value, self.clock.now()));
        let wait = match self.destination.kind {
            DestinationKind::Slack => self.destination.timeout,
            DestinationKind::Webhook | DestinationKind::Sendpilot => BODY_WAIT_MAX,
        };
        let mut bytes = Vec::new();
        let whole = tokio::time::timeout(wait, async {
            while bytes.len() < BODY_BYTES_MAX {
                match response.chunk().await {
                    Ok(Some(chunk)) => {
                        let room = BODY_BYTES_MAX - bytes.len();
                        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    }
                    Ok(None) => break,
                    Err(_) => return false,
                }
            }
            true
        })
        .await
        .unwrap_or(false);
        Answer {
            status,
            retry_after: asked,
            body: whole.then(|| self.redactor.clean(&String::from_utf8_lossy(&bytes))),
        }
    }

    fn refused(&self, address: RefusedAddress) -> Attempt {
        Attempt::NotSent(format!(
            "destination {:?}: {address}; nothing is sent to link-local, multicast or unspecified addresses",
            self.destination.name
        ))
    }

    fn failed(&self, error: &reqwest::Error) -> Attempt {
        if let Some(address) = http::cause::<RefusedAddress>(error) {
            return self.refused(*address);
        }
        if let Some(unresolved) = http::cause::<ResolveError>(error) {
            return Attempt::NotSent(self.redactor.clean(&unresolved.to_string()));
        }
        let detail = self.redactor.clean(&innermost(error));
        if error.is_builder() {
            return Attempt::NotSent(format!("The request could not be made: {detail}"));
        }
        if error.is_connect() {
            return Attempt::NotSent(if error.is_timeout() {
                "The receiver could not be reached in time".to_owned()
            } else {
                format!("The receiver could not be reached: {detail}")
            });
        }
        Attempt::InDoubt(if error.is_timeout() {
            format!(
                "the request was sent and no answer came within {} s",
                self.destination.timeout.as_secs_f64()
            )
        } else {
            format!("the request was sent and the connection broke before an answer: {detail}")
        })
    }
}

/// Returns the text of the innermost cause. It says what happened; the outer ones only say where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
