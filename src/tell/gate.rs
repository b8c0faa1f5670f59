//! The limits of one destination: how often requests begin, and how many are in flight.
//!
//! A gate belongs to the name of a destination and outlives its workers. A reload replaces the worker and reconfigures the gate, so
//! requests of the old worker still count and a new rate starts from the last turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::destination::{Destination, RateLimit};

/// The limits of one destination. They are kept in memory: a restart takes longer than most of the waits that it forgets.
pub(super) struct Gate {
    slots: watch::Sender<Slots>,
    pace: Mutex<Pace>,
    configured: AtomicBool,
}

/// The number of requests that may be in flight, and the number that are.
struct Slots {
    limit: u32,
    used: u32,
}

/// The right to have one request in flight. Dropping it frees the place.
pub(super) struct Slot(Arc<Gate>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0
            .slots
            .send_modify(|slots| slots.used = slots.used.saturating_sub(1));
    }
}

impl Gate {
    /// Creates a gate with the limits of this destination.
    pub(super) fn new(destination: &Destination) -> Self {
        let slots = Slots {
            limit: destination.concurrency.get(),
            used: 0,
        };
        Self {
            slots: watch::Sender::new(slots),
            pace: Mutex::new(Pace::new(destination.rate)),
            configured: AtomicBool::new(true),
        }
    }

    /// Applies the limits of a changed destination, or of one that was added again. Requests in flight and the last turn still count.
    pub(super) fn configure(&self, destination: &Destination) {
        self.slots
            .send_modify(|slots| slots.limit = destination.concurrency.get());
        self.pace().every = every(destination.rate);
        self.configured.store(true, Ordering::Relaxed);
    }

    /// Marks the destination as removed from the configuration.
    pub(super) fn remove(&self) {
        self.configured.store(false, Ordering::Relaxed);
    }

    /// Whether the configuration names the destination.
    pub(super) fn is_configured(&self) -> bool {
        self.configured.load(Ordering::Relaxed)
    }

    /// Whether the gate can be dropped: no request is in flight and the next turn is free.
    pub(super) fn is_idle(&self) -> bool {
        self.slots.borrow().used == 0 && self.pace().wait(Instant::now()).is_zero()
    }

    /// Waits for a free slot and takes it. If the wait is cancelled, no slot is taken.
    pub(super) async fn slot(self: &Arc<Self>) -> Slot {
        let mut changes = self.slots.subscribe();
        while !self.slots.send_if_modified(|slots| {
            let free = slots.used < slots.limit;
            slots.used += u32::from(free);
            free
        }) {
            // The sender lives in `self`, so this wait ends with a change.
            let _ = changes.changed().await;
        }
        Slot(self.clone())
    }

    /// Waits for the next turn and takes it. If the wait is cancelled, no turn is taken.
    pub(super) async fn turn(&self) {
        loop {
            let wait = self.pace().take(Instant::now());
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spreads turns evenly, so that no span has more of them than the rate allows. It uses the machine's steady clock.
struct Pace {
    every: Duration,
    last: Option<Instant>,
}

impl Pace {
    fn new(rate: RateLimit) -> Self {
        Self {
            every: every(rate),
            last: None,
        }
    }

    /// Returns the time until the next turn.
    fn wait(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |last| {
            self.every
                .saturating_sub(now.saturating_duration_since(last))
        })
    }

    /// Takes a turn and returns zero, or returns the time until the next turn.
    fn take(&mut self, now: Instant) -> Duration {
        let wait = self.wait(now);
        if wait.is_zero() {
            self.last = Some(now);
        }
        wait
    }
}

/// The time between two turns; never zero.
fn every(rate: RateLimit) -> Duration {
    (rate.per / rate.count.get()).max(Duration::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    fn rate(count: u32, per: Duration) -> RateLimit {
        RateLimit {
            count: NonZeroU32::new(count).expect("not zero"),
            per,
        }
    }

    proptest! {
        /// Whatever reloads do to the rate: two turns are as far apart as the rate at the second of them asks for, and a turn is
        /// there as soon as that time is over.
        #[test]
        fn a_turn_follows_the_last_by_the_present_rate(
            steps in prop::collection::vec((0..3_000_u64, prop::option::of(1..2_000_u64)), 1..60),
        ) {
            let mut pace = Pace::new(rate(1, Duration::from_secs(1)));
            let mut now = Instant::now();
            let mut last: Option<Instant> = None;
            for (pause_ms, changed_ms) in steps {
                now += Duration::from_millis(pause_ms);
                if let Some(ms) = changed_ms {
                    pace.every = every(rate(1, Duration::from_millis(ms)));
                }
                let due = last.is_none_or(|last| now - last >= pace.every);
                let wait = pace.take(now);
                prop_assert_eq!(wait.is_zero(), due);
                if due {
                    last = Some(now);
                } else {
                    prop_assert_eq!(now + wait, last.expect("a turn") + pace.every);
                }
            }
        }
    }

    #[test]
    fn a_huge_rate_still_has_a_span() {
        assert_eq!(
            every(rate(u32::MAX, Duration::from_nanos(1))),
            Duration::from_nanos(1)
        );
    }
}
