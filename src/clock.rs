//! The one place that knows what time it is: the machine's clock, or one that its owner moves by hand.
//!
//! Everything that waits or stores a time takes a [`Clock`], so a simulation can run a day in a second and a test never
//! sleeps. Waits on the machine's clock look at it again every few seconds: a stepped clock or a suspended machine is noticed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::domain::time::Timestamp;

/// The longest single sleep on the machine's clock before it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A source of time. Cheap to clone; clones of a hand-moved clock move together.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Mutex<ByHand>>>);

/// A clock that its owner moves.
struct ByHand {
    shows: Timestamp,
    /// How much time really went by.
    steady: Duration,
    /// Who waits until the clock shows a time, and who until so much time went by; woken one by one, so that a thousand waits
    /// cost nothing while none of them ends.
    until_shown: Waits<Timestamp>,
    until_gone: Waits<Duration>,
}

/// Waits by their end; the number tells waits with one end apart.
struct Waits<T> {
    waits: BTreeMap<(T, u64), oneshot::Sender<()>>,
    number: u64,
}

impl<T: Ord + Copy> Waits<T> {
    fn new() -> Self {
        Self {
            waits: BTreeMap::new(),
            number: 0,
        }
    }

    fn add(&mut self, end: T) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        self.number += 1;
        self.waits.insert((end, self.number), wake);
        woken
    }

    fn wake(&mut self, now: T) {
        while let Some(first) = self.waits.first_entry()
            && first.key().0 <= now
        {
            // Whoever waited may be gone.
            let _ = first.remove().send(());
        }
    }
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until [`Clock::set`] or [`Clock::advance`] moves it.
    #[must_use]
    pub fn by_hand(start: Timestamp) -> Self {
        Self(Some(Arc::new(Mutex::new(ByHand {
            shows: start,
            steady: Duration::ZERO,
            until_shown: Waits::new(),
            until_gone: Waits::new(),
        }))))
    }

    fn hand(&self) -> Option<MutexGuard<'_, ByHand>> {
        self.0
            .as_ref()
            .map(|hand| hand.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.hand() {
            Some(hand) => hand.shows,
            None => Timestamp(
                i64::try_from(
                    SystemTime::now()
                        .duration_since(UNIX_EPOCH)
                        .unwrap_or_default()
                        .as_millis(),
                )
                .unwrap_or(i64::MAX),
            ),
        }
    }

    /// How much time went by since some moment in this process, whatever happened to what the clock shows.
    #[must_use]
    pub fn steady(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match self.hand() {
            Some(hand) => hand.steady,
            None => START.get_or_init(Instant::now).elapsed(),
        }
    }

    /// Steps what a clock that was made by hand shows, in either direction; no time goes by. Does nothing to the machine's clock.
    pub fn set(&self, to: Timestamp) {
        if let Some(mut hand) = self.hand() {
            hand.shows = to;
            hand.until_shown.wake(to);
        }
    }

    /// Lets time go by on a clock that was made by hand.
    pub fn advance(&self, by: Duration) {
        if let Some(mut hand) = self.hand() {
            let (shows, steady) = (hand.shows.plus(by), hand.steady.saturating_add(by));
            (hand.shows, hand.steady) = (shows, steady);
            hand.until_shown.wake(shows);
            hand.until_gone.wake(steady);
        }
    }

    /// Waits until the clock shows `when` or later.
    pub async fn sleep_until(&self, when: Timestamp) {
        let woken = match self.hand() {
            Some(hand) if hand.shows >= when => return,
            Some(mut hand) => Some(hand.until_shown.add(when)),
            None => None,
        };
        if let Some(woken) = woken {
            // The other end lives in `self`, so the wait can't end in an error.
            let _ = woken.await;
            return;
        }
        loop {
            let left = when.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }

    /// Waits until a span of time really went by, whatever happens to what the clock shows.
    pub async fn sleep(&self, span: Duration) {
        if span.is_zero() {
            return;
        }
        let woken = match self.hand() {
            Some(mut hand) => {
                let end = hand.steady.saturating_add(span);
                Some(hand.until_gone.add(end))
            }
            None => None,
        };
        match woken {
            // As above.
            Some(woken) => drop(woken.await),
            None => tokio::time::sleep(span).await,
        }
    }
}
