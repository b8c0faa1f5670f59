//! The worker of one destination. It waits until deliveries are due, takes slots and turns, claims, sends and settles.
//!
//! One write settles the attempts that have ended and claims as many deliveries as there are free slots and turns. Slots and turns
//! come before the claim, so a delivery is `sending` only while its request may be on the wire. Claims have no lease: the database
//! belongs to one process, and what a process left `sending` is in doubt when the next one starts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::DeliveryObserver;
use super::destination::Destination;
use super::ended::{self, Attempted};
use super::gate::{Gate, Slot, Turns};
use super::send::Sender;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::store::{self, Claimed, Retry, Store, Tx};
use crate::wake::Wake;

/// How long a worker waits for a wake-up if the delivery that is due is already being sent.
const ON_WIRE_PAUSE: Duration = Duration::from_secs(1);

/// The most deliveries of one claim: it takes a few milliseconds of the writer's time.
const CLAIM_MAX: usize = 256;

/// What all workers share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) observer: Arc<dyn DeliveryObserver>,
    /// Every worker and every attempt, so that a drain can wait for them.
    pub(super) tasks: TaskTracker,
}

/// The worker of one destination. Cheap to clone.
#[derive(Clone)]
pub(super) struct Worker(Arc<Inner>);

pub(super) struct Inner {
    pub(super) shared: Shared,
    pub(super) sender: Sender,
    pub(super) gate: Arc<Gate>,
    wake: Wake,
    stop: CancellationToken,
}

/// When there is something to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Probably now.
    Now,
    /// Not before this time, unless the worker is woken.
    At(Timestamp),
    /// A delivery is due, but it was replayed while it is on the wire.
    Blocked,
    /// Not before the worker is woken.
    Never,
}

/// An attempt that has ended and is not settled yet. Its slot is used until it is settled.
struct Ended {
    attempted: Arc<Attempted>,
    slot: Slot,
}

/// What a worker knows between two writes.
struct Round {
    due: Due,
    in_flight: usize,
    ended: Vec<Ended>,
    to: mpsc::UnboundedSender<Ended>,
    /// Never holds more than the destination's concurrency.
    from: mpsc::UnboundedReceiver<Ended>,
}

/// The right to claim as many deliveries as there are turns.
struct Places {
    slots: Vec<Slot>,
    turns: Turns,
}

/// What one write did.
struct Written {
    claimed: Vec<Claimed>,
    due: Option<Due>,
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

    /// Makes it look for deliveries that are due.
    pub(super) fn wake(&self) {
        self.0.wake.activate();
    }

    /// Stops it from claiming. Requests in flight still end and are settled.
    pub(super) fn retire(&self) {
        self.0.stop.cancel();
    }

    /// Claims and sends until it is retired, and settles until no request is in flight.
    pub(super) async fn run(self) {
        let (to, from) = mpsc::unbounded_channel();
        let mut round = Round {
            due: Due::Now,
            in_flight: 0,
            ended: Vec::new(),
            to,
            from,
        };
        loop {
            while let Ok(ended) = round.from.try_recv() {
                round.ended.push(ended);
            }
            let retired = self.0.stop.is_cancelled();
            if retired && round.in_flight == 0 {
                return;
            }
            let mut turn_in = None;
            let mut places = None;
            if !retired && round.due == Due::Now {
                match self.take_places(round.ended.len()) {
                    Ok(taken) => places = taken,
                    Err(wait) => turn_in = Some(wait),
                }
            }
            if round.ended.is_empty() && places.is_none() {
                self.wait(&mut round, retired, turn_in).await;
            } else {
                self.write_retried(&mut round, places).await;
            }
        }
    }

    /// Does one [`Worker::write`], as soon as the database can be used. Meanwhile the places are free for others.
    async fn write_retried(&self, round: &mut Round, mut places: Option<Places>) {
        let name = &self.destination().name;
        let mut retry = Retry::new(&self.0.shared.clock, "deliveries", name);
        while let Err(error) = self.write(round, places.take()).await {
            retry.pause(&error).await;
            if self.0.stop.is_cancelled() && round.ended.is_empty() {
                return;
            }
        }
    }

    /// Takes turns for the free slots, counting those of attempts that are about to be settled. Returns the time until the next turn
    /// if it is not there yet, and nothing without a slot.
    fn take_places(&self, reused: usize) -> Result<Option<Places>, Duration> {
        let slots = self.0.gate.take_slots(CLAIM_MAX.saturating_sub(reused));
        let count = CLAIM_MAX.min(slots.len() + reused);
        if count == 0 {
            return Ok(None);
        }
        let turns = self.0.gate.take_turns(count)?;
        Ok(Some(Places { slots, turns }))
    }

    /// Waits until there is something to settle or to claim, or the worker is retired. Wake-ups that come meanwhile are kept.
    async fn wait(&self, round: &mut Round, retired: bool, turn_in: Option<Duration>) {
        let stop = &self.0.stop;
        let due = round.due;
        let may_claim = async {
            match (due, turn_in) {
                (Due::Now, Some(wait)) => tokio::time::sleep(wait).await,
                (Due::Now, None) => self.0.gate.slot_is_free().await,
                (Due::At(at), _) => self.0.shared.clock.sleep_until(at).await,
                (Due::Blocked, _) => self.0.shared.clock.sleep(ON_WIRE_PAUSE).await,
                (Due::Never, _) => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = round.from.recv() => round.ended.push(ended),
            () = stop.cancelled(), if !retired => {}
            () = self.0.wake.activated(), if !retired && due != Due::Now => round.due = Due::Now,
            () = may_claim, if !retired => round.due = Due::Now,
        }
    }

    /// Settles what has ended and claims for the places, in one write. Then sends what was claimed.
    async fn write(&self, round: &mut Round, places: Option<Places>) -> Result<(), store::Error> {
        let attempts: Arc<[_]> = round.ended.iter().map(|e| e.attempted.clone()).collect();
        let claim = places.as_ref().map_or(0, |places| places.turns.count);
        let written = match self.settle_and_claim(attempts, claim).await {
            Err(error)
                if !matches!(error, store::Error::Unavailable(_)) && !round.ended.is_empty() =>
            {
                // One of them can't be settled. It must not keep the others from it.
                self.settle_each(round).await?;
                return Ok(());
            }
            other => other?,
        };
        let used = u32::try_from(written.claimed.len()).unwrap_or(u32::MAX);
        let mut slots = self.end(round);
        if let Some(places) = places {
            slots.extend(places.slots);
            self.0.gate.give_back(places.turns, used);
        }
        let ended = slots.len();
        if let Some(due) = written.due {
            round.due = due;
        }
        for (claimed, slot) in written.claimed.into_iter().zip(slots) {
            self.begin(round, claimed, slot);
        }
        // What blocked a delivery may be settled now.
        if round.due == Due::Blocked && ended > 0 {
            round.due = Due::Now;
        }
        Ok(())
    }

    async fn settle_and_claim(
        &self,
        attempts: Arc<[Arc<Attempted>]>,
        claim: u32,
    ) -> Result<Written, store::Error> {
        let name = self.destination().name.clone();
        let fingerprint = self.destination().url.fingerprint();
        let mut busy = self.0.gate.on_the_wire();
        busy.retain(|id| !attempts.iter().any(|a| a.claimed.id == *id));
        let now = self.0.shared.clock.now();
        let (written, started) = self
            .0
            .shared
            .store
            .write(move |tx| {
                let started = ended::settle(tx, &name, &fingerprint, &attempts)?;
                Ok((claim_due(tx, &name, &busy, now, claim)?, started))
            })
            .await?;
        if started {
            tracing::info!(
                destination = self.destination().name,
                "destination started: a test was delivered"
            );
        }
        Ok(written)
    }

    /// Settles each attempt in a write of its own. One that can't be settled stays `sending`, in doubt, until the next start.
    async fn settle_each(&self, round: &mut Round) -> Result<(), store::Error> {
        for ended in &round.ended {
            let settled = self.settle_and_claim(Arc::from([ended.attempted.clone()]), 0);
            match settled.await {
                Ok(_) => {}
                // All are tried again; those that are settled stay as they are.
                Err(error @ store::Error::Unavailable(_)) => return Err(error),
                Err(error) => tracing::error!(
                    destination = self.destination().name,
                    delivery = ended.attempted.claimed.id,
                    %error,
                    "delivery not settled; it is in doubt until the next start"
                ),
            }
        }
        self.end(round);
        Ok(())
    }

    /// Forgets the attempts that are settled, and returns their slots.
    fn end(&self, round: &mut Round) -> Vec<Slot> {
        round.in_flight -= round.ended.len();
        let ended = round.ended.drain(..);
        ended
            .map(|ended| {
                self.0.gate.end(ended.attempted.claimed.id);
                ended.slot
            })
            .collect()
    }

    fn begin(&self, round: &mut Round, claimed: Claimed, slot: Slot) {
        self.0.gate.begin(claimed.id);
        round.in_flight += 1;
        let (inner, to) = (self.0.clone(), round.to.clone());
        self.0.shared.tasks.spawn(async move {
            let attempted = Arc::new(ended::attempt(&inner, claimed).await);
            // The worker waits for it.
            let _ = to.send(Ended { attempted, slot });
        });
    }
}

/// Claims up to `limit` deliveries, and finds out when the next one is due if there are fewer.
fn claim_due(
    tx: &Tx<'_>,
    name: &str,
    busy: &[i64],
    now: Timestamp,
    limit: u32,
) -> Result<Written, store::Error> {
    if limit == 0 {
        return Ok(Written {
            claimed: Vec::new(),
            due: None,
        });
    }
    let stopped = tx.is_stopped(name)?;
    let limit = limit as usize;
    let claimed = tx.claim_deliveries(name, stopped, busy, now, limit)?;
    let due = if claimed.len() == limit {
        Due::Now
    } else {
        match tx.next_delivery_due(name, stopped)? {
            Some(at) if at <= now => Due::Blocked,
            Some(at) => Due::At(at),
            None => Due::Never,
        }
    };
    Ok(Written {
        claimed,
        due: Some(due),
    })
}
