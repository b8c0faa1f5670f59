//! Work on many deliveries at once, beside the workers: it holds deliveries of removed destinations, does bulk replays, and plans
//! deliveries anew that were planned while the clock was ahead.
//!
//! It goes in small steps with a pause after each, so that no webhook and no delivery waits for it. The database says what is left
//! to do, so the work goes on after a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::REMOVED;
use super::destination::Destination;
use super::retry::WAIT_MAX;
use crate::clock::Clock;
use crate::domain::delivery::DeliveryState;
use crate::store::{Error, Store};
use crate::wake::Wake;

/// How many rows one step looks at: a few milliseconds of the writer's time.
pub(super) const STEP_ROWS: usize = 500;
/// The pause after each step.
const PAUSE: Duration = Duration::from_millis(20);
/// How often it looks for work without being woken: an event may have been on its way to a destination during the reload that
/// removed it.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often it compares the clock with the time that really went by.
const CLOCK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits before it asks a database again that can't be used.
const STORE_WAIT: Duration = Duration::from_secs(1);
/// How many deliveries are looked up at once to be planned anew.
const REPLAN_ROWS: usize = 10_000;

/// Does the work.
pub(super) struct Backlog {
    store: Store,
    clock: Clock,
    wanted: watch::Receiver<Vec<Destination>>,
    /// How many deliveries were held so far, by destination. For the log.
    held: BTreeMap<String, usize>,
    /// Whether the clock was set back since deliveries were last planned anew. It may have been while no process ran.
    set_back: bool,
    /// Whether workers are to be woken that may have missed something.
    remind: bool,
    drift: Drift,
}

impl Backlog {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        wanted: watch::Receiver<Vec<Destination>>,
    ) -> Self {
        Self {
            drift: Drift::new(&clock),
            store,
            clock,
            wanted,
            held: BTreeMap::new(),
            set_back: true,
            remind: false,
        }
    }

    /// Works until `stop`. `wake` asks for a look.
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
            self.set_back |= self.drift.was_set_back(&self.clock);
            match self.round().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "bulk work on deliveries waits for the database");
                    tokio::time::sleep(STORE_WAIT).await;
                    continue;
                }
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

    /// Does a step of everything that is left. Returns whether more is left.
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
        // Asked when the deliveries have been read: a reload may have brought their destination meanwhile.
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
                tx.hold_pending(&destination, REMOVED, now, STEP_ROWS)
            })
            .await?;
        let more = count == STEP_ROWS;
        *self.held.entry(name.clone()).or_default() += count;
        if !more
            && let Some(deliveries) = self.held.remove(&name)
            && deliveries > 0
        {
            tracing::warn!(destination = name, deliveries, "{REMOVED}");
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

    /// Plans anew what was planned for this destination while the clock was ahead.
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
                "the clock was set back: deliveries were planned anew"
            );
        }
        Ok(())
    }
}

fn is_wanted(wanted: &watch::Receiver<Vec<Destination>>, name: &str) -> bool {
    wanted.borrow().iter().any(|d| d.name == name)
}

/// How far the clock is from the time that really went by.
struct Drift {
    ms: i64,
}

impl Drift {
    /// How far the clock must have been set back to be noticed, in milliseconds. No delivery needs less.
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

    /// Whether the clock was set back since this was last asked.
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
        let mut drift = Drift::new(&clock);
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
