//! Answers that many ask for at once, computed once.
//!
//! A computation that runs serves everyone who asked before it began. Those who ask later share the next one, so nobody gets an
//! answer that misses a write that was acknowledged to them before.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;

use crate::store::Error;

/// How many different questions are remembered. Beyond it those that nobody is asking are forgotten.
const KEYS_MAX: usize = 64;

/// How long an answer may be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// While nothing was committed.
    WhileUnchanged,
    /// While nothing was committed, for this long at most. Otherwise the next computation begins this long after the one before.
    AtMostEvery(Duration),
}

/// Answers of type `V` by question.
pub struct Shared<K, V>(Mutex<HashMap<K, Arc<Slot<V>>>>);

type Slot<V> = AsyncMutex<Option<Answer<V>>>;

/// An answer, and how new it is.
struct Answer<V> {
    /// What the version was when the computation looked.
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
    /// The answer to `key`. `version` counts what can change the answer. `compute` returns the version that its answer has seen. It
    /// runs in the future of one of those who wait: when that one hangs up, another computes.
    ///
    /// # Errors
    /// What `compute` returned. An error is shared by those who waited for it, and by nobody else.
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

    /// What changes, and how often it was looked at.
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
    async fn a_crowd_is_answered_once_and_never_with_what_was_before() {
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
    async fn another_computes_when_the_first_hangs_up() {
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
