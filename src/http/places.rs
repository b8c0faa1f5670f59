//! How many look-ups run at once, so that any number of names without an answer leaves places for the others.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A look-up that takes longer moves to a slow place.
const QUICK_MAX: Duration = Duration::from_millis(300);
/// How many look-ups run at once.
const QUICK_PLACES: usize = 128;
/// How many more run that turned out to be slow. Each may hold a few sockets.
const SLOW_PLACES: usize = 96;

/// The places for look-ups.
pub(super) struct Places {
    quick: Semaphore,
    slow: Mutex<Slow>,
    slow_max: usize,
}

/// The slow look-ups, oldest first.
#[derive(Default)]
struct Slow {
    next: u64,
    running: BTreeMap<u64, CancellationToken>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self::with(QUICK_PLACES, SLOW_PLACES)
    }

    fn with(quick_max: usize, slow_max: usize) -> Self {
        Self {
            quick: Semaphore::new(quick_max),
            slow: Mutex::default(),
            slow_max,
        }
    }

    /// Runs a look-up. When it is slow and all slow places are taken, the oldest slow look-up ends without a result: it has
    /// waited longest for an answer, so it is the least likely to get one. `None` is the result of that one.
    pub(super) async fn run<T>(&self, look_up: impl Future<Output = T>) -> Option<T> {
        let quick = self.quick.acquire().await.ok()?;
        let mut look_up = pin!(look_up);
        if let Ok(found) = timeout(QUICK_MAX, look_up.as_mut()).await {
            return Some(found);
        }
        let slow = SlowPlace::take(self);
        drop(quick);
        tokio::select! {
            found = look_up => Some(found),
            () = slow.give_way.cancelled() => None,
        }
    }

    fn slow(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct SlowPlace<'p> {
    places: &'p Places,
    id: u64,
    give_way: CancellationToken,
}

impl<'p> SlowPlace<'p> {
    fn take(places: &'p Places) -> Self {
        let give_way = CancellationToken::new();
        let mut slow = places.slow();
        let id = slow.next;
        slow.next += 1;
        slow.running.insert(id, give_way.clone());
        if slow.running.len() > places.slow_max
            && let Some((_, oldest)) = slow.running.pop_first()
        {
            oldest.cancel();
        }
        Self {
            places,
            id,
            give_way,
        }
    }
}

impl Drop for SlowPlace<'_> {
    fn drop(&mut self) {
        self.places.slow().running.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_slow_look_up_gives_way() {
        let places = Places::with(1, 2);
        let (end, ended) = tokio::sync::watch::channel(false);
        let slow = || {
            let mut ended = ended.clone();
            places.run(async move { ended.wait_for(|ended| *ended).await.is_ok() })
        };
        // With one quick place, they turn slow one after the other.
        let oldest = async {
            let result = slow().await;
            assert_eq!(places.run(async { 7 }).await, Some(7));
            end.send_replace(true);
            result
        };
        let (oldest, second, third) = tokio::join!(oldest, slow(), slow());
        assert_eq!((oldest, second, third), (None, Some(true), Some(true)));
        assert!(places.slow().running.is_empty());
    }
}
