//! The source of time: the clock of the machine, or one that is advanced manually.
//!
//! Everything that waits or stores a time takes a [`Clock`]. So a simulation runs a day in a second, and a test never sleeps. Waits on
//! the clock of the machine check it every few seconds, because it may be set or the machine may be suspended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use crate::domain::time::Timestamp;

/// How often a wait checks the clock of the machine.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// A source of time. Cheap to clone. The clones of a manually advanced clock advance together.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Mutex<ByHand>>>);

/// The state of a manually advanced clock.
struct ByHand {
    shows: Timestamp,
    /// The time that has really passed.
    steady: Duration,
    /// Waits until the clock shows a time, and waits until some time has passed. They are woken one by one, so that a thousand waits
    /// cost nothing until one of them ends.
    until_shown: Waits<Timestamp>,
    until_gone: Waits<Duration>,
}

/// Waits by their end. The number distinguishes waits with the same end.
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
            // The waiting task may be gone.
            let _ = first.remove().send(());
        }
    }
}

impl Clock {
    /// Returns the clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// Returns a clock that shows `start` until [`Clock::set`] or [`Clock::advance`] changes it.
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

    /// Returns the current time.
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

    /// Returns the time that has passed since some moment in this process. Setting the clock does not change it.
    #[must_use]
    pub fn steady(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match self.hand() {
            Some(hand) => hand.steady,
            None => START.get_or_init(Instant::now).elapsed(),
        }
    }

    /// Sets what a manually advanced clock shows, forward or backward. No time passes. Does nothing to the clock of the machine.
    pub fn set(&self, to: Timestamp) {
        if let Some(mut hand) = self.hand() {
            hand.shows = to;
            hand.until_shown.wake(to);
        }
    }

    /// Lets time pass on a manually advanced clock.
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
            tokio::time::sleep(left.min(CHECK_INTERVAL)).await;
        }
    }

    /// Waits until a span of time has really passed, even if the clock is set meanwhile.
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
            // The other end lives in `self`, so the wait can't end in an error.
            Some(woken) => drop(woken.await),
            None => tokio::time::sleep(span).await,
        }
    }
}
