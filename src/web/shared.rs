//! Computes an answer once for all who ask for it at the same time.
//!
//! A computation serves every request that came before it began. Later requests share the next one. So no answer misses a write that
//! was acknowledged before the request.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;

use crate::store::Error;

/// The most keys that are remembered. Beyond it, keys that no request waits for are forgotten.
const KEYS_MAX: usize = 64;

/// When an answer may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// While nothing was committed since.
    WhileUnchanged,
    /// While nothing was committed since, for at most this long. The next computation begins no earlier than this after the last.
    AtMostEvery(Duration),
}

/// Answers of type `V` by key.
pub struct Shared<K, V>(Mutex<HashMap<K, Arc<Slot<V>>>>);

type Slot<V> = AsyncMutex<Option<Answer<V>>>;

/// An answer and its age.
struct Answer<V> {
    /// The version of the data that the computation read.
    version: u64,
    began: Instant,
    ended: Instant,
    value: Result<V, Error>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shared<K, V> {
    /// Returns the answer for `key`. `version` counts the changes that can affect the answer. `compute` returns the version that its
    /// answer is based on. It runs in the future of one of the waiting requests; if that client hangs up, another one computes.
    ///
    /// # Errors
    /// The error of `compute`. Only requests that waited for it get it.
    pub async fn get<F: Future<Output = (u64, Result<V, Error>)>>(
        &self,
        key: K,
        reuse: Reuse,
        version: impl Fn() -> u64,
        compute: impl FnOnce() -> F,
    ) -> Result<V, Error> {
        let (wanted, asked) = (version(), Instant::now());
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        if let Some(answer) = &*held {
            if answer.serves(wanted, asked, reuse) {
                return answer.value.clone();
            }
            if let Reuse::AtMostEvery(pause) = reuse {
                tokio::time::sleep_until((answer.began + pause).into()).await;
            }
        }
        let began = Instant::now();
        let (version, value) = compute().await;
        *held = Some(Answer {
            version,
            began,
            ended: Instant::now(),
            value: value.clone(),
        });
        value
    }

    fn slot(&self, key: K) -> Arc<Slot<V>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEYS_MAX && !slots.contains_key(&key) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(key).or_default().clone()
    }
}

impl<V> Answer<V> {
    fn serves(&self, wanted: u64, asked: Instant, reuse: Reuse) -> bool {
        let current = self.version >= wanted;
        match (&self.value, reuse) {
            (Err(_), _) => current && asked <= self.ended,
            (Ok(_), Reuse::WhileUnchanged) => current,
            (Ok(_), Reuse::AtMostEvery(pause)) => current && asked <= self.began + pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::FutureExt;

    use super::*;

    /// Data with a version, and the number of computations.
    #[derive(Default)]
    struct World {
        version: AtomicU64,
        looks: AtomicU64,
        shared: Shared<(), u64>,
    }

    impl World {
        async fn ask(&self, reuse: Reuse) -> Result<u64, Error> {
            let version = || self.version.load(Ordering::SeqCst);
            let compute = || async {
                let seen = version();
                self.looks.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                (seen, Ok(seen))
            };
            self.shared.get((), reuse, version, compute).await
        }
    }

    #[tokio::test]
    async fn many_requests_share_one_computation_and_see_the_last_write() {
        let world = Arc::new(World::default());
        for round in 0..5 {
            let crowd = (0..50).map(|_| world.ask(Reuse::WhileUnchanged));
            let answers = futures_util::future::join_all(crowd).await;
            assert!(answers.into_iter().all(|a| a.expect("an answer") == round));
            assert_eq!(world.looks.load(Ordering::SeqCst), round + 1);
            world.version.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_request_after_a_write_does_not_join_an_earlier_read() {
        let world = Arc::new(World::default());
        let mut early = Box::pin(world.ask(Reuse::WhileUnchanged));
        assert!(early.as_mut().now_or_never().is_none());
        world.version.store(7, Ordering::SeqCst);
        let late = world.ask(Reuse::WhileUnchanged);
        let (early, late) = tokio::join!(early, late);
        assert_eq!(
            (early.expect("an answer"), late.expect("an answer")),
            (0, 7)
        );
    }

    #[tokio::test]
    async fn a_pause_is_kept_between_two_computations() {
        let world = World::default();
        let every = Reuse::AtMostEvery(Duration::from_millis(40));
        let began = Instant::now();
        for round in 0..4 {
            world.version.store(round, Ordering::SeqCst);
            assert_eq!(world.ask(every).await.expect("an answer"), round);
        }
        assert!(began.elapsed() >= Duration::from_millis(120));
    }

    #[tokio::test]
    async fn another_request_computes_when_the_first_hangs_up() {
        let world = World::default();
        let mut first = Box::pin(world.ask(Reuse::WhileUnchanged));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(world.ask(Reuse::WhileUnchanged));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(second.await.expect("an answer"), 0);
    }

    #[tokio::test]
    async fn an_error_is_not_kept() {
        let shared = Shared::<(), u64>::default();
        let fail = || async { (0, Err(Error::Busy("full".to_owned()))) };
        let first = shared.get((), Reuse::WhileUnchanged, || 0, fail).await;
        assert!(first.is_err());
        let second = shared.get((), Reuse::WhileUnchanged, || 0, || async { (0, Ok(1)) });
        assert_eq!(second.await.expect("an answer"), 1);
    }
}
