//! A webhook from its body to what it led to, in one call.

use super::verify::{Refusal, SenderProof};
use super::{sendpilot, unipile};
use crate::domain::bad_input::BadInput;
use crate::domain::provider::Provider;
use crate::domain::signal::Outcome;
use crate::domain::time::Timestamp;
use crate::reconcile::Reconciler;
use crate::store::Error;

/// Takes webhooks in. Cheap to clone.
#[derive(Clone)]
pub struct Intake(Reconciler);

/// A webhook whose head was judged.
#[derive(Debug)]
pub struct Webhook<'a> {
    /// Who sends it.
    pub provider: Provider,
    /// What is left to prove of its sender.
    pub proof: SenderProof,
    /// The body as it came.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
    /// Whether the text of messages is kept.
    pub keep_message_text: bool,
}

/// Why a webhook was not stored.
#[derive(Debug)]
pub enum Rejection {
    /// Its sender is not who it says.
    Unauthorized(Refusal),
    /// Its body can't be used.
    BadBody(BadInput),
    /// It could not be stored; the provider should send it again.
    NotStored(Error),
}

impl Intake {
    /// What webhooks say is written through `reconciler`.
    #[must_use]
    pub fn new(reconciler: Reconciler) -> Self {
        Self(reconciler)
    }

    /// Checks, reads and stores a webhook. When this returns an outcome, the webhook is on disk and may be acknowledged.
    pub async fn receive(&self, webhook: Webhook<'_>) -> Result<Outcome, Rejection> {
        let Webhook {
            provider,
            proof,
            body,
            received_at,
            keep_message_text,
        } = webhook;
        proof.check(body).map_err(Rejection::Unauthorized)?;
        let stored = match provider {
            Provider::Unipile | Provider::UnipileV2 => {
                let key = self.0.note_key();
                let event = unipile::parse(body, received_at, keep_message_text, key)
                    .map_err(Rejection::BadBody)?;
                self.0
                    .run(move |routine| unipile::apply(routine, &event))
                    .await
            }
            Provider::Sendpilot => {
                let event =
                    sendpilot::parse(body, keep_message_text).map_err(Rejection::BadBody)?;
                self.0
                    .run(move |routine| sendpilot::apply(routine, &event))
                    .await
            }
        };
        stored.map_err(|error| match error {
            Error::BadInput(bad) => Rejection::BadBody(bad),
            error => Rejection::NotStored(error),
        })
    }
}
