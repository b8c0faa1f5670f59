//! One attempt from its claim to its settlement: rendered, sent, judged, logged, and written down.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use super::REMOVED_REASON;
use super::attempt::Attempt;
use super::destination::Destination;
use super::render::{RenderError, render};
use super::retry::{AfterAttempt, after_attempt};
use super::verdict::{AttemptVerdict, verdict};
use super::worker::Inner;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use crate::store::{self, Claimed, Settlement, Tx};

/// Why a destination is stopped. The receiver's own words stay with the delivery, because they may name the person, and are erased
/// with it.
const GONE: &str = "The receiver answered 410 Gone";

/// An attempt that has ended, and what becomes of its delivery.
pub(super) struct Attempted {
    pub(super) claimed: Claimed,
    settlement: Settlement,
    /// When it ended.
    at: Timestamp,
    /// Whether the destination is stopped by it.
    stops: bool,
    /// Whether a stopped destination is started by it.
    starts: bool,
}

/// Makes one attempt. If the code breaks down, the delivery is in doubt.
pub(super) async fn attempt(worker: &Inner, mut claimed: Claimed) -> Attempted {
    let destination = worker.sender.destination();
    let body = claimed.body.take();
    let sent = AssertUnwindSafe(send(worker, &claimed, body)).catch_unwind();
    let (status, judged) = sent.await.unwrap_or_else(|_| {
        let reason = "the attempt broke down; this is a defect of acceptd".to_owned();
        (None, AttemptVerdict::InDoubt { reason })
    });
    let at = worker.shared.clock.now();
    let result = label(&judged);
    let random = rand::random();
    let mut then = after_attempt(claimed.attempts, judged, destination.in_doubt, at, random);
    if !worker.gate.is_configured()
        && let AfterAttempt::RetryAt { .. } | AfterAttempt::Stop { .. } = then
    {
        then = AfterAttempt::Held {
            reason: REMOVED_REASON.to_owned(),
        };
    }
    log(&destination.name, &claimed, status, &then);
    worker
        .shared
        .observer
        .attempted(&destination.name, claimed.event_type, result);
    Attempted {
        stops: matches!(then, AfterAttempt::Stop { .. }),
        starts: claimed.event_type == EventType::Test && then == AfterAttempt::Delivered,
        settlement: settlement(then, status, at),
        claimed,
        at,
    }
}

/// Renders and sends. Returns the status of the answer and what the attempt means.
async fn send(
    worker: &Inner,
    claimed: &Claimed,
    body: Option<String>,
) -> (Option<u16>, AttemptVerdict) {
    let kind = worker.sender.destination().kind;
    let rendered = body
        .ok_or(RenderError::Erased)
        .and_then(|stored| render(kind, claimed.event_type, stored));
    let body = match rendered {
        Ok(body) => body,
        Err(error) => {
            let reason = error.to_string();
            return (None, AttemptVerdict::Dead { reason });
        }
    };
    let attempt = worker.sender.send(&claimed.event_id, body).await;
    let status = match &attempt {
        Attempt::Answer(answer) => Some(answer.status),
        Attempt::InDoubt(_) | Attempt::NotSent(_) => None,
    };
    (status, verdict(kind, &attempt))
}

/// Settles attempts of one destination. Returns whether the destination was started by one of them. An attempt whose delivery is not
/// `sending` any more leaves it as it is, so settling twice is harmless.
pub(super) fn settle(
    tx: &Tx<'_>,
    destination: &str,
    url_fingerprint: &str,
    attempts: &[impl AsRef<Attempted>],
) -> Result<bool, store::Error> {
    let mut started = false;
    for attempted in attempts {
        let attempted = attempted.as_ref();
        tx.settle_claimed(
            destination,
            &attempted.claimed,
            &attempted.settlement,
            attempted.at,
        )?;
        if attempted.stops {
            tx.stop_destination(destination, url_fingerprint, GONE, attempted.at)?;
        }
        if attempted.starts {
            started |= tx.start_destination(destination)?;
        }
    }
    Ok(started)
}

/// The label that attempts are counted under.
fn label(judged: &AttemptVerdict) -> &'static str {
    match judged {
        AttemptVerdict::Delivered => "delivered",
        AttemptVerdict::Retry { .. } => "retry",
        AttemptVerdict::Dead { .. } => "dead",
        AttemptVerdict::InDoubt { .. } => "in_doubt",
        AttemptVerdict::Gone { .. } => "gone",
    }
}

fn settlement(then: AfterAttempt, status: Option<u16>, now: Timestamp) -> Settlement {
    let (state, next_attempt_at, error) = match then {
        AfterAttempt::Delivered => (DeliveryState::Delivered, None, None),
        AfterAttempt::RetryAt { at, reason } => (DeliveryState::Pending, Some(at), Some(reason)),
        // Due as soon as the destination is started.
        AfterAttempt::Stop { reason } => (DeliveryState::Pending, Some(now), Some(reason)),
        AfterAttempt::Dead { reason } => (DeliveryState::Dead, None, Some(reason)),
        AfterAttempt::Held { reason } => (DeliveryState::Held, None, Some(reason)),
    };
    Settlement {
        state,
        next_attempt_at,
        status,
        error,
    }
}

/// Decides what becomes of a delivery that a process had claimed when it died.
pub(super) fn recovered(destination: &Destination, now: Timestamp) -> Settlement {
    let doubt = AttemptVerdict::InDoubt {
        reason: "acceptd ended while the request was on its way".to_owned(),
    };
    match after_attempt(1, doubt, destination.in_doubt, now, 0.0) {
        // At once: nothing says that the receiver has a problem.
        AfterAttempt::RetryAt { reason, .. } => {
            settlement(AfterAttempt::RetryAt { at: now, reason }, None, now)
        }
        then => settlement(then, None, now),
    }
}

fn log(destination: &str, claimed: &Claimed, status: Option<u16>, then: &AfterAttempt) {
    let (event, attempt) = (claimed.event_id.as_str(), claimed.attempts);
    match then {
        AfterAttempt::Delivered => {
            tracing::info!(destination, event, attempt, status, "delivered");
        }
        AfterAttempt::RetryAt { at, reason } => tracing::warn!(
            destination, event, attempt, status, next_attempt_at = %at, reason,
            "not delivered, will retry"
        ),
        AfterAttempt::Dead { reason } => tracing::error!(
            destination,
            event,
            attempt,
            status,
            reason,
            "not delivered, the delivery is dead"
        ),
        AfterAttempt::Held { reason } => tracing::warn!(
            destination,
            event,
            attempt,
            status,
            reason,
            "not delivered, the delivery is held"
        ),
        AfterAttempt::Stop { reason } => tracing::error!(
            destination,
            event,
            attempt,
            status,
            reason,
            "not delivered, the destination is stopped"
        ),
    }
}
