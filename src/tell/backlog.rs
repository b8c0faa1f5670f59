//! Bulk work on deliveries: it holds deliveries of removed destinations, does bulk replays, and replans deliveries that were planned while
//! the clock was ahead.
//!
//! It works in small steps with a pause after each, so that it delays no webhook and no other delivery. The database says what is left
//! to do, so the work continues after a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::REMOVED_REASON;
use super::destination::Destination;
use super::retry::WAIT_MAX;
use crate::clock::Clock;
use crate::domain::delivery::DeliveryState;
use crate::store::{Error, Retry, Store};
use crate::wake::Wake;

/// The most rows of one step. A step takes a few milliseconds of the writer's time.
pub(super) const STEP_ROWS: usize = 500;
/// Pause after each step.
const PAUSE: Duration = Duration::from_millis(20);
/// How often it looks for work without being woken. An event may have been committed for a destination just when a reload removed it.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often it compares the clock with the time that has really passed.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// The most deliveries that are looked up at once to be replanned.
const REPLAN_ROWS: usize = 10_000;

/// The task that does the bulk work.
pub(super) struct Backlog {
    store: Store,
    clock: Clock,
    wanted: watch::Receiver<Vec<Destination>>,
    /// Number of deliveries held so far, by destination, for the log.
    held: BTreeMap<String, usize>,
    /// Whether the clock was set back since deliveries were last replanned. True at the start, because it may have happened while no
    /// process ran.
    set_back: bool,
    /// Whether to wake the workers, in case one missed a wake-up.
    remind: bool,
    drift: ClockDrift,
}

impl Backlog {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        wanted: watch::Receiver<Vec<Destination>>,
    ) -> Self {
        Self {
            drift: ClockDrift::new(&clock),
            store,
            clock,
            wanted,
            held: BTreeMap::new(),
            set_back: true,
            remind: false,
        }
    }

    /// Works until `stop` is cancelled, and looks for work whenever `wake` is activated.
    pub(super) async fn run(mut self, wake: Wake, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work(&wake) => {}
        }
    }

    async fn work(&mut self, wake: &Wake) {
        let mut looks = interval(LOOK_EVERY);
        let mut clock = interval(CLOCK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.round_retried().await {
                continue;
            }
            loop {
                tokio::select! {
                    () = wake.activated() => break,
                    _ = looks.tick() => {
                        self.remind = true;
                        break;
                    }
                    _ = clock.tick() => if self.drift.was_set_back(&self.clock) {
                        self.set_back = true;
                        break;
                    },
                }
            }
        }
    }

    /// Does one [`Backlog::round`], as soon as the database can be used.
    async fn round_retried(&mut self) -> bool {
        let clock = self.clock.clone();
        let mut retry = Retry::new(&clock, "bulk work on deliveries", "");
        loop {
            self.set_back |= self.drift.was_set_back(&clock);
            match self.round().await {
                Ok(more) => return more,
                Err(error) => retry.pause(&error).await,
            }
        }
    }

    /// Does one step of each kind of work. Returns whether more is left.
    async fn round(&mut self) -> Result<bool, Error> {
        let waiting = self
            .store
            .read(|reader| reader.destinations_with(DeliveryState::Pending))
            .await?;
        if self.set_back {
            for name in &waiting {
                self.replan(name).await?;
            }
            self.set_back = false;
        }
        // After the deliveries were read: a reload may have added their destination meanwhile.
        let (configured, removed): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|name| is_wanted(&self.wanted, name));
        if std::mem::take(&mut self.remind) {
            self.store.wake_outbox(configured);
        }
        let mut more = false;
        for name in removed {
            more |= self.hold(name).await?;
        }
        Ok(self.replay().await? || more)
    }

    /// Holds the next deliveries of a removed destination. Returns whether more are left.
    async fn hold(&mut self, name: String) -> Result<bool, Error> {
        let (now, wanted, destination) = (self.clock.now(), self.wanted.clone(), name.clone());
        let count = self
            .store
            .write(move |tx| {
                if is_wanted(&wanted, &destination) {
                    return Ok(0);
                }
                tx.hold_pending(&destination, REMOVED_REASON, now, STEP_ROWS)
            })
            .await?;
        let more = count == STEP_ROWS;
        *self.held.entry(name.clone()).or_default() += count;
        if !more
            && let Some(deliveries) = self.held.remove(&name)
            && deliveries > 0
        {
            tracing::warn!(
                destination = name,
                deliveries,
                "deliveries held: the destination is not in the configuration"
            );
        }
        tokio::time::sleep(PAUSE).await;
        Ok(more)
    }

    /// Does the next step of each bulk replay. Returns whether more are left.
    async fn replay(&self) -> Result<bool, Error> {
        let mut more = false;
        for replay in self.store.read(|reader| reader.bulk_replays()).await? {
            let now = self.clock.now();
            let finished = self
                .store
                .write(move |tx| tx.continue_bulk_replay(replay.id, now, STEP_ROWS))
                .await?;
            if finished {
                tracing::info!(
                    destination = replay.destination,
                    state = %replay.state,
                    "bulk replay finished"
                );
            }
            more |= !finished;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(more)
    }

    /// Replans the deliveries of a destination that were planned while the clock was ahead.
    async fn replan(&self, name: &str) -> Result<(), Error> {
        let mut deliveries = 0;
        loop {
            let (now, destination) = (self.clock.now(), name.to_owned());
            let ids = self
                .store
                .read(move |reader| reader.planned_ahead(&destination, now, WAIT_MAX, REPLAN_ROWS))
                .await?;
            let before = deliveries;
            for ids in ids.chunks(STEP_ROWS) {
                let (now, destination, ids) = (self.clock.now(), name.to_owned(), ids.to_vec());
                deliveries += self
                    .store
                    .write(move |tx| tx.replan_deliveries(&destination, &ids, now, WAIT_MAX))
                    .await?;
                tokio::time::sleep(PAUSE).await;
            }
            if deliveries == before {
                break;
            }
        }
        if deliveries > 0 {
            tracing::warn!(
                destination = name,
                deliveries,
                "clock was set back: deliveries replanned"
            );
        }
        Ok(())
    }
}

fn is_wanted(wanted: &watch::Receiver<Vec<Destination>>, name: &str) -> bool {
    wanted.borrow().iter().any(|d| d.name == name)
}

/// Compares the clock with the time that has really passed.
struct ClockDrift {
    ms: i64,
}

impl ClockDrift {
    /// The smallest step back that is noticed, in milliseconds. Smaller ones do not matter to deliveries.
    const NOTICED_MS: i64 = 1_000;

    fn new(clock: &Clock) -> Self {
        Self {
            ms: Self::measure(clock),
        }
    }

    fn measure(clock: &Clock) -> i64 {
        let steady = i64::try_from(clock.steady().as_millis()).unwrap_or(i64::MAX);
        clock.now().0.saturating_sub(steady)
    }

    /// Whether the clock was set back since the last call.
    fn was_set_back(&mut self, clock: &Clock) -> bool {
        let ms = Self::measure(clock);
        let back = self.ms.saturating_sub(ms) >= Self::NOTICED_MS;
        if back || ms > self.ms {
            self.ms = ms;
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn only_a_clock_that_was_set_back_is_noticed() {
        let start = Timestamp(1_777_734_846_000);
        let clock = Clock::by_hand(start);
        let mut drift = ClockDrift::new(&clock);
        clock.advance(Duration::from_secs(60));
        assert!(!drift.was_set_back(&clock));
        clock.set(start.plus(Duration::from_secs(7_200)));
        assert!(!drift.was_set_back(&clock), "set forward");
        clock.advance(Duration::from_secs(60));
        clock.set(start.plus(Duration::from_secs(3_600)));
        assert!(drift.was_set_back(&clock));
        assert!(!drift.was_set_back(&clock), "once");
        clock.set(start.plus(Duration::from_millis(3_600_000 - 400)));
        assert!(!drift.was_set_back(&clock), "a small correction");
    }
}
