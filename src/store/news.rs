//! What a commit left for the dispatcher to do. It wakes the workers of these destinations and no others.
//!
//! Only a hint: the dispatcher also looks by itself from time to time, so nothing depends on it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// What commits changed in the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxNews {
    /// The destinations that have something new to send, or that were started.
    pub destinations: BTreeSet<String>,
    /// Whether a bulk replay was begun.
    pub bulk: bool,
}

impl OutboxNews {
    /// Adds other news to these.
    pub(super) fn merge(&mut self, other: Self) {
        self.destinations.extend(other.destinations);
        self.bulk |= other.bulk;
    }
}

/// Keeps the news until the dispatcher takes them. Bounded by the number of destinations.
#[derive(Default)]
pub(super) struct Board {
    news: Mutex<OutboxNews>,
    changed: Notify,
}

impl Board {
    pub(super) fn publish(&self, news: OutboxNews) {
        if news == OutboxNews::default() {
            return;
        }
        self.lock().merge(news);
        self.changed.notify_one();
    }

    /// Waits for news and takes them. Takes none if it is dropped while it waits. For one waiter only.
    pub(super) async fn next(&self) -> OutboxNews {
        loop {
            let news = std::mem::take(&mut *self.lock());
            if news != OutboxNews::default() {
                return news;
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, OutboxNews> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
