//! The one place that knows what time it is: the machine's clock, or one that its owner moves by hand.
//!
//! Everything that waits or stores a time takes a [`Clock`], so a simulation can run a day in a second and a test never
//! sleeps. Waits on the machine's clock look at it again every few seconds: a stepped clock or a suspended machine is noticed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::domain::time::Ms;

/// The longest single sleep on the machine's clock before it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A source of time. Cheap to clone; clones of a hand-moved clock move together.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<ByHand>>);

/// A clock that its owner moves: what it shows, and how much time really went by.
struct ByHand {
    shows: watch::Sender<Ms>,
    steady_ms: AtomicU64,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until [`Clock::set`] or [`Clock::advance`] moves it.
    #[must_use]
    pub fn by_hand(start: Ms) -> Self {
        Self(Some(Arc::new(ByHand {
            shows: watch::Sender::new(start),
            steady_ms: AtomicU64::new(0),
        })))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Ms {
        match &self.0 {
            Some(hand) => *hand.shows.borrow(),
            None => Ms(i64::try_from(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_millis(),
            )
            .unwrap_or(i64::MAX)),
        }
    }

    /// How much time went by since some moment in this process, whatever happened to what the clock shows.
    #[must_use]
    pub fn steady(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match &self.0 {
            Some(hand) => Duration::from_millis(hand.steady_ms.load(Ordering::Relaxed)),
            None => START.get_or_init(Instant::now).elapsed(),
        }
    }

    /// Steps what a clock that was made by hand shows, in either direction; no time goes by. Does nothing to the machine's clock.
    pub fn set(&self, to: Ms) {
        if let Some(hand) = &self.0 {
            hand.shows.send_replace(to);
        }
    }

    /// Lets time go by on a clock that was made by hand.
    pub fn advance(&self, by: Duration) {
        if let Some(hand) = &self.0 {
            let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            hand.steady_ms.fetch_add(ms, Ordering::Relaxed);
            hand.shows.send_modify(|now| *now = now.plus(by));
        }
    }

    /// Waits until the clock shows `when` or later.
    pub async fn sleep_until(&self, when: Ms) {
        match &self.0 {
            Some(hand) => {
                let mut seen = hand.shows.subscribe();
                // The sender lives in `self`, so the wait can't end in an error.
                let _ = seen.wait_for(|now| *now >= when).await;
            }
            None => loop {
                let left = when.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            },
        }
    }

    /// Waits for a span of this clock's time.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now().plus(span)).await;
    }
}
