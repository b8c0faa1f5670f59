//! The limits of one destination: how often requests begin, and how many are in flight.
//!
//! A gate belongs to the name of a destination and outlives its workers. A reload replaces the worker and reconfigures the gate, so
//! requests of the old worker still count and a new rate starts from the last turn.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::destination::{Destination, RateLimit};

/// The span in which several requests may begin together if the rate is high. Timers are too coarse to space them one by one.
const TOGETHER: Duration = Duration::from_millis(10);

/// The limits of one destination. They are kept in memory: a restart takes longer than most of the waits that it forgets.
pub(super) struct Gate {
    slots: watch::Sender<Slots>,
    pace: Mutex<Pace>,
    configured: AtomicBool,
    on_the_wire: Mutex<HashSet<i64>>,
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

/// Turns that were taken at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turns {
    at: Instant,
    pub(super) count: u32,
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
            on_the_wire: Mutex::default(),
        }
    }

    /// Applies the limits of a changed destination, or of one that was added again. Requests in flight and the last turn still count.
    pub(super) fn configure(&self, destination: &Destination) {
        self.slots
            .send_modify(|slots| slots.limit = destination.concurrency.get());
        self.pace().configure(destination.rate);
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

    /// Takes up to `max` free slots.
    pub(super) fn take_slots(self: &Arc<Self>, max: usize) -> Vec<Slot> {
        let mut taken = 0;
        self.slots.send_if_modified(|slots| {
            let max = u32::try_from(max).unwrap_or(u32::MAX);
            taken = max.min(slots.limit.saturating_sub(slots.used));
            slots.used += taken;
            // Nobody waits for slots to be taken.
            false
        });
        (0..taken).map(|_| Slot(self.clone())).collect()
    }

    /// Waits until a slot is free.
    pub(super) async fn slot_is_free(&self) {
        // The sender lives in `self`, so this wait ends with a free slot.
        let _ = self
            .slots
            .subscribe()
            .wait_for(|slots| slots.used < slots.limit)
            .await;
    }

    /// Takes up to `max` turns, or returns the time until the next one.
    pub(super) fn take_turns(&self, max: usize) -> Result<Turns, Duration> {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        self.pace().take(Instant::now(), max)
    }

    /// Gives back turns of which only `used` were needed.
    pub(super) fn give_back(&self, turns: Turns, used: u32) {
        self.pace().give_back(turns, used);
    }

    /// Notes that a delivery is on the wire. If it is replayed meanwhile, it must not be sent twice at once.
    pub(super) fn begin(&self, delivery: i64) {
        self.wire().insert(delivery);
    }

    /// Notes that the attempt of a delivery was settled.
    pub(super) fn end(&self, delivery: i64) {
        self.wire().remove(&delivery);
    }

    /// Returns the ids of the deliveries on the wire.
    pub(super) fn on_the_wire(&self) -> Vec<i64> {
        self.wire().iter().copied().collect()
    }

    fn wire(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.on_the_wire
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spreads turns evenly, so that no span has more of them than the rate allows. It uses the machine's steady clock.
struct Pace {
    /// The time that follows a turn.
    every: Duration,
    /// The most turns that may be taken at once.
    together: u32,
    /// When turns were last taken, and how many.
    last: Option<(Instant, u32)>,
}

impl Pace {
    fn new(rate: RateLimit) -> Self {
        let mut pace = Self {
            every: Duration::ZERO,
            together: 1,
            last: None,
        };
        pace.configure(rate);
        pace
    }

    /// Changes the rate. Turns that were taken together at a higher rate count as the most that this one allows together.
    fn configure(&mut self, rate: RateLimit) {
        let count = rate.count.get();
        let evenly = (rate.per / count).max(Duration::from_nanos(1));
        let fit = TOGETHER.as_nanos() / evenly.as_nanos();
        self.together = u32::try_from(fit)
            .unwrap_or(u32::MAX)
            .clamp(1, count.div_ceil(10));
        // A span that begins with the last turns of one moment may end with all turns of another, and must not have too many.
        self.every = (rate.per / (count - self.together + 1)).max(Duration::from_nanos(1));
        if let Some((_, count)) = &mut self.last {
            *count = self.together.min(*count);
        }
    }

    /// Returns the time until the next turn.
    fn wait(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |(at, count)| {
            let wait = self.every.saturating_mul(count);
            wait.saturating_sub(now.saturating_duration_since(at))
        })
    }

    /// Takes up to `max` turns, or returns the time until the next one.
    fn take(&mut self, now: Instant, max: u32) -> Result<Turns, Duration> {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        let count = self.together.min(max);
        self.last = Some((now, count));
        Ok(Turns { at: now, count })
    }

    /// Gives back turns that were not used, unless others were taken since.
    fn give_back(&mut self, turns: Turns, used: u32) {
        if let Some((at, count)) = &mut self.last
            && *at == turns.at
        {
            *count = used.min(*count);
        }
    }
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
                    pace.configure(rate(1, Duration::from_millis(ms)));
                }
                let due = last.is_none_or(|last| now - last >= pace.every);
                match pace.take(now, 9) {
                    Ok(turns) => {
                        prop_assert!(due);
                        prop_assert_eq!(turns.count, 1);
                        last = Some(now);
                    }
                    Err(wait) => {
                        prop_assert!(!due);
                        prop_assert_eq!(now + wait, last.expect("a turn") + pace.every);
                    }
                }
            }
        }

        /// Turns taken together are as many as the rate allows, in any span of its length, also if some are given back.
        #[test]
        fn no_span_has_more_turns_than_the_rate(
            count in 1..100_000_u32,
            steps in prop::collection::vec((0..20_000_u64, 1..400_u32, 0..400_u32), 1..200),
        ) {
            let per = Duration::from_secs(1);
            let mut pace = Pace::new(rate(count, per));
            let mut now = Instant::now();
            let mut taken: Vec<(Instant, u32)> = Vec::new();
            for (pause_us, max, used) in steps {
                now += Duration::from_micros(pause_us);
                if let Ok(turns) = pace.take(now, max) {
                    let used = used.min(turns.count);
                    pace.give_back(turns, used);
                    taken.push((now, used));
                    let begin = now - per;
                    let in_span: u32 = taken.iter().filter(|(at, _)| *at > begin).map(|(_, n)| n).sum();
                    prop_assert!(in_span <= count, "{in_span} of {count}");
                }
            }
        }
    }

    #[test]
    fn a_high_rate_is_reached_in_spite_of_coarse_timers() {
        let mut pace = Pace::new(rate(10_000, Duration::from_secs(1)));
        let (began, mut taken) = (Instant::now(), 0);
        for ms in (0..1_000).step_by(2) {
            taken += pace
                .take(began + Duration::from_millis(ms), 1_000)
                .map_or(0, |turns| turns.count);
        }
        assert!((8_000..=10_000).contains(&taken), "{taken}");
    }

    #[test]
    fn a_huge_rate_still_has_a_span() {
        let pace = Pace::new(rate(u32::MAX, Duration::from_nanos(1)));
        assert_eq!(pace.every, Duration::from_nanos(1));
    }
}
