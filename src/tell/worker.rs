//! The worker of one destination: waits until a delivery is due, takes a slot and a turn, claims, sends, settles.
//!
//! Slot and turn come before the claim, so a delivery is `sending` only while its request may be on the wire. Claims have no lease: the
//! database belongs to one process, and what a process left `sending` is in doubt when the next one starts.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempt::Attempt;
use super::destination::Destination;
use super::gate::{Gate, Slot};
use super::render::render;
use super::retry::{AfterAttempt, after_attempt};
use super::send::Sender;
use super::verdict::{AttemptVerdict, verdict};
use super::{DeliveryObserver, REMOVED_REASON};
use crate::clock::Clock;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use crate::store::{self, Claimed, Settlement, Store, retry_until_ok};
use crate::wake::Wake;

/// How long a worker waits for a wake-up if the delivery that is due is already being sent.
const ON_WIRE_PAUSE: Duration = Duration::from_secs(1);

/// Why a destination is stopped. What the receiver said stands with the delivery: it may repeat whom that was about, and goes
/// when the person is erased.
const GONE: &str = "The receiver answered 410 Gone";

/// The ids of the deliveries that are on the wire, of all workers: one that is replayed meanwhile must not go twice at once.
#[derive(Clone, Default)]
pub(super) struct OnTheWire(Arc<Mutex<HashSet<i64>>>);

impl OnTheWire {
    fn add(&self, id: i64) {
        self.ids().insert(id);
    }

    fn remove(&self, id: i64) {
        self.ids().remove(&id);
    }

    fn list(&self) -> Vec<i64> {
        self.ids().iter().copied().collect()
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all workers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) observer: Arc<dyn DeliveryObserver>,
    pub(super) wire: OnTheWire,
    /// Every worker and every attempt, so that a drain can wait for them.
    pub(super) tasks: TaskTracker,
}

/// One destination's worker. Cheap to clone; every attempt has a clone.
#[derive(Clone)]
pub(super) struct Worker(Arc<Inner>);

struct Inner {
    shared: Shared,
    sender: Sender,
    gate: Arc<Gate>,
    wake: Wake,
    stop: CancellationToken,
}

impl Worker {
    pub(super) fn new(
        shared: Shared,
        destination: Destination,
        gate: Arc<Gate>,
        stop: CancellationToken,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self(Arc::new(Inner {
            gate,
            sender: Sender::new(destination, shared.clock.clone())?,
            shared,
            wake: Wake::default(),
            stop,
        })))
    }

    pub(super) fn destination(&self) -> &Destination {
        self.0.sender.destination()
    }

    /// Asks it to look again.
    pub(super) fn wake(&self) {
        self.0.wake.activate();
    }

    /// Ends its claiming. Requests that are on the wire end by themselves.
    pub(super) fn retire(&self) {
        self.0.stop.cancel();
    }

    /// Claims and sends until it is retired.
    pub(super) async fn run(self) {
        let stop = self.0.stop.clone();
        loop {
            let slot = tokio::select! {
                () = stop.cancelled() => return,
                slot = self.0.gate.slot() => slot,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.due() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.gate.turn() => {}
            }
            // Not raced against the stop: a claim that was made must be sent or seen in doubt.
            let claimed = self.retry("claim of a delivery", || async {
                if stop.is_cancelled() {
                    return Ok(None);
                }
                self.claim().await
            });
            match claimed.await {
                Some(claimed) => self.begin(claimed, slot),
                // Replayed while it is on the wire, or gone meanwhile: the end of an attempt or a change wakes.
                None => tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.0.wake.activated() => {}
                    () = self.0.shared.clock.sleep(ON_WIRE_PAUSE) => {}
                },
            }
        }
    }

    /// Returns when a delivery is due. A wake-up during the query is kept by [`Wake`], so none is lost.
    async fn due(&self) {
        loop {
            let next = self.retry("next delivery", || self.next_due());
            match next.await {
                Some(at) if at <= self.0.shared.clock.now() => return,
                Some(at) => tokio::select! {
                    () = self.0.shared.clock.sleep_until(at) => return,
                    () = self.0.wake.activated() => {}
                },
                None => self.0.wake.activated().await,
            }
        }
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, store::Error> {
        let name = self.destination().name.clone();
        self.0
            .shared
            .store
            .read(move |reader| reader.next_delivery_due(&name, reader.is_stopped(&name)?))
            .await
    }

    async fn claim(&self) -> Result<Option<Claimed>, store::Error> {
        let name = self.destination().name.clone();
        let except = self.0.shared.wire.list();
        let now = self.0.shared.clock.now();
        self.0
            .shared
            .store
            .write(move |tx| tx.claim_deliveries(&name, tx.is_stopped(&name)?, &except, now, 1))
            .await
            .map(|claimed| claimed.into_iter().next())
    }

    fn begin(&self, claimed: Claimed, slot: Slot) {
        let worker = self.clone();
        self.0.shared.wire.add(claimed.id);
        self.0.shared.tasks.spawn(async move {
            let id = claimed.id;
            worker.attempt(claimed).await;
            worker.0.shared.wire.remove(id);
            drop(slot);
            // It may have been replayed meanwhile, or its destination been started.
            worker.wake();
        });
    }

    async fn attempt(&self, claimed: Claimed) {
        let destination = self.destination();
        let (status, judged) = self.judge(&claimed).await;
        let now = self.0.shared.clock.now();
        let result = word(&judged);
        let mut then = after_attempt(
            claimed.attempts,
            judged,
            destination.in_doubt,
            now,
            rand::random(),
        );
        if !self.0.gate.is_configured()
            && let AfterAttempt::RetryAt { .. } | AfterAttempt::Stop { .. } = then
        {
            then = AfterAttempt::Held {
                reason: REMOVED_REASON.to_owned(),
            };
        }
        self.log(&claimed, status, &then);
        self.0
            .shared
            .observer
            .attempted(&destination.name, claimed.event_type, result);
        self.settle(&claimed, status, then, now).await;
    }

    /// Sends, in a task of its own: should it break down, the delivery is in doubt and not lost.
    async fn judge(&self, claimed: &Claimed) -> (Option<u16>, AttemptVerdict) {
        let kind = self.destination().kind;
        let dead = |reason: String| (None, AttemptVerdict::Dead { reason });
        let Some(stored) = &claimed.body else {
            return dead(super::render::RenderError::Erased.to_string());
        };
        let body = match render(kind, claimed.event_type, stored) {
            Ok(body) => body,
            Err(error) => return dead(error.to_string()),
        };
        let worker = self.clone();
        let event_id = claimed.event_id.clone();
        let sent = tokio::spawn(async move { worker.0.sender.send(&event_id, body).await });
        let attempt = sent.await.unwrap_or_else(|_| {
            Attempt::InDoubt("the sending task broke down; this is a defect of acceptd".to_owned())
        });
        let status = match &attempt {
            Attempt::Answer(answer) => Some(answer.status),
            Attempt::InDoubt(_) | Attempt::NotSent(_) => None,
        };
        (status, verdict(kind, &attempt))
    }

    /// Writes down what came of an attempt, however long the database can't be used: an answer that was read must not be lost.
    async fn settle(
        &self,
        claimed: &Claimed,
        status: Option<u16>,
        then: AfterAttempt,
        now: Timestamp,
    ) {
        let is_test = claimed.event_type == EventType::Test;
        let stops = matches!(then, AfterAttempt::Stop { .. });
        let starts = is_test && then == AfterAttempt::Delivered;
        let settled = settlement(then, status, now);
        let settled = self.retry("result of a delivery", || async {
            let name = self.destination().name.clone();
            let fingerprint = self.destination().url.fingerprint();
            let (id, settled) = (claimed.id, settled.clone());
            let written = self
                .0
                .shared
                .store
                .write(move |tx| {
                    tx.settle_delivery(id, &settled, now)?;
                    if stops {
                        tx.stop_destination(&name, &fingerprint, GONE, now)?;
                    }
                    if starts && tx.start_destination(&name)? {
                        tracing::info!(
                            destination = name,
                            "a test succeeded: the destination is started"
                        );
                    }
                    Ok(())
                })
                .await;
            match written {
                Err(error) if error.is_temporary() => Err(error),
                settled => Ok(settled),
            }
        });
        if let Err(error) = settled.await {
            tracing::error!(
                destination = self.destination().name,
                delivery = claimed.id,
                %error,
                "a delivery could not be settled; it is in doubt until the next start"
            );
        }
    }

    fn log(&self, claimed: &Claimed, status: Option<u16>, then: &AfterAttempt) {
        let destination = self.destination().name.as_str();
        let (event, attempt) = (claimed.event_id.as_str(), claimed.attempts);
        match then {
            AfterAttempt::Delivered => {
                tracing::info!(destination, event, attempt, status, "delivered");
            }
            AfterAttempt::RetryAt { at, reason } => {
                tracing::warn!(destination, event, attempt, status, next = %at, reason, "not delivered yet");
            }
            AfterAttempt::Dead { reason } => {
                tracing::error!(
                    destination,
                    event,
                    attempt,
                    status,
                    reason,
                    "a delivery is dead"
                );
            }
            AfterAttempt::Held { reason } => {
                tracing::warn!(
                    destination,
                    event,
                    attempt,
                    status,
                    reason,
                    "a delivery is held"
                );
            }
            AfterAttempt::Stop { reason } => {
                tracing::error!(
                    destination,
                    event,
                    attempt,
                    status,
                    reason,
                    "a destination is stopped"
                );
            }
        }
    }

    /// Repeats an operation until the database can be used.
    async fn retry<T, F: Future<Output = Result<T, store::Error>>>(
        &self,
        work: &'static str,
        attempt: impl FnMut() -> F,
    ) -> T {
        let clock = &self.0.shared.clock;
        retry_until_ok(clock, work, &self.destination().name, attempt).await
    }
}

/// The word that attempts are counted under.
fn word(judged: &AttemptVerdict) -> &'static str {
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

/// What becomes of a delivery that a process which died had claimed.
pub(super) fn recovered(destination: &Destination, now: Timestamp) -> Settlement {
    let doubt = AttemptVerdict::InDoubt {
        reason: "acceptd ended while the request was on its way".to_owned(),
    };
    match after_attempt(1, doubt, destination.in_doubt, now, 0.0) {
        // Not after a wait: nothing says that the receiver has trouble.
        AfterAttempt::RetryAt { reason, .. } => {
            settlement(AfterAttempt::RetryAt { at: now, reason }, None, now)
        }
        then => settlement(then, None, now),
    }
}
