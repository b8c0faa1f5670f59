//! What is known of the API keys: which one the provider refuses, and which one has to wait for its limit.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::provider::Clients;

/// The first back-off of a key, which doubles with each further one.
const BACKOFF_MIN: Duration = Duration::from_secs(60);
/// The longest back-off of a key, unless the provider asks for a longer one.
const BACKOFF_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The state of the keys, by their fingerprints. It is kept in memory: after a restart, one call finds out again.
pub(super) struct Keys {
    clock: Clock,
    known: Mutex<HashMap<String, Key>>,
    /// Why nothing is polled, for `/readyz`.
    trouble: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct Key {
    /// Why the provider refuses the key.
    refused: Option<String>,
    /// The length of the last back-off; zero after a call that worked.
    backoff: Duration,
    /// The end of the back-off, on the monotonic clock.
    until: Duration,
    /// Whether it was reported that the provider answers from its cache.
    cache_reported: bool,
    /// Whether it was reported that a list is not newest first.
    order_reported: bool,
}

impl Keys {
    pub fn new(clock: Clock, trouble: watch::Sender<Option<String>>) -> Self {
        Self {
            clock,
            known: Mutex::default(),
            trouble,
        }
    }

    /// Returns how long no call may be made with a key: `None` if one may be made now, `Some(None)` if the key is refused.
    pub fn wait(&self, fingerprint: &str, now: Timestamp) -> Option<Option<Timestamp>> {
        let known = self.known();
        let key = known.get(fingerprint)?;
        if key.refused.is_some() {
            return Some(None);
        }
        let left = key.until.saturating_sub(self.clock.steady());
        (!left.is_zero()).then(|| Some(now.plus(left)))
    }

    /// Forgets keys that are no longer configured. Returns whether any key is left that the provider does not refuse.
    pub fn any_usable(&self, clients: &Clients) -> bool {
        let mut known = self.known();
        let configured = |fingerprint: &String| {
            clients
                .iter()
                .any(|client| client.key_fingerprint == *fingerprint)
        };
        known.retain(|fingerprint, _| configured(fingerprint));
        self.report(&known);
        clients.iter().any(|client| {
            known
                .get(&client.key_fingerprint)
                .is_none_or(|key| key.refused.is_none())
        })
    }

    /// The provider refuses a key: it is not used again until it changes.
    pub fn refuse(&self, fingerprint: &str, why: String) {
        let mut known = self.known();
        known.entry(fingerprint.to_owned()).or_default().refused = Some(why);
        self.report(&known);
    }

    /// The provider asks for fewer calls with a key. The back-off doubles, unless one is running: several calls may be told at once.
    pub fn back_off(&self, fingerprint: &str, retry_after: Option<Duration>) {
        let steady = self.clock.steady();
        let mut known = self.known();
        let key = known.entry(fingerprint.to_owned()).or_default();
        if key.until <= steady {
            key.backoff = (key.backoff * 2).clamp(BACKOFF_MIN, BACKOFF_MAX);
        }
        let wait = key.backoff.max(retry_after.unwrap_or_default());
        key.until = key.until.max(steady.saturating_add(wait));
    }

    /// A call with a key worked.
    pub fn worked(&self, fingerprint: &str) {
        if let Some(key) = self.known().get_mut(fingerprint) {
            key.backoff = Duration::ZERO;
        }
    }

    /// Returns whether this is the first cached answer that is reported for a key.
    pub fn first_cached(&self, fingerprint: &str) -> bool {
        let mut known = self.known();
        let key = known.entry(fingerprint.to_owned()).or_default();
        !std::mem::replace(&mut key.cache_reported, true)
    }

    /// Returns whether this is the first list in another order than newest first that is reported for a key.
    pub fn first_unordered(&self, fingerprint: &str) -> bool {
        let mut known = self.known();
        let key = known.entry(fingerprint.to_owned()).or_default();
        !std::mem::replace(&mut key.order_reported, true)
    }

    fn report(&self, known: &HashMap<String, Key>) {
        let why = known.values().find_map(|key| key.refused.clone());
        self.trouble.send_if_modified(|shown| {
            let changed = *shown != why;
            *shown = why;
            changed
        });
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Key>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_key_over_its_limit_waits_and_doubles_once_per_back_off() {
        let clock = Clock::by_hand(NOW);
        let keys = Keys::new(clock.clone(), watch::Sender::new(None));
        assert_eq!(keys.wait("k", NOW), None);
        for minutes in [1, 2, 4] {
            for _ in 0..5 {
                keys.back_off("k", None);
            }
            let until = NOW.plus(Duration::from_secs(minutes * 60));
            assert_eq!(keys.wait("k", NOW), Some(Some(until)), "{minutes}");
            assert_eq!(keys.wait("another", NOW), None);
            clock.advance(Duration::from_secs(minutes * 60));
            assert_eq!(keys.wait("k", NOW), None);
        }
        keys.worked("k");
        keys.back_off("k", Some(Duration::from_secs(90)));
        assert_eq!(
            keys.wait("k", NOW),
            Some(Some(NOW.plus(Duration::from_secs(90))))
        );
    }

    #[test]
    fn a_refused_key_is_said_until_it_is_replaced() {
        let trouble = watch::Sender::new(None);
        let keys = Keys::new(Clock::by_hand(NOW), trouble.clone());
        keys.refuse("k", "refused".to_owned());
        assert_eq!(keys.wait("k", NOW), Some(None));
        assert_eq!(trouble.borrow().as_deref(), Some("refused"));
        assert!(!keys.any_usable(&Clients::default()));
        assert_eq!(*trouble.borrow(), None);
    }
}
