//! Tells the dispatcher which destinations have new work after a commit, so that it wakes their workers and no others.
//!
//! This is only a hint. The dispatcher also checks by itself from time to time, so a lost hint does no harm.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Who has something to do after a transaction. The writes themselves say so, so their callers need not remember it.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) outbox: OutboxNews,
    /// Whether an account may be due for a call earlier than before.
    pub(super) polls: bool,
    /// Whether a next step or an open invite may be due earlier than before.
    pub(super) steps: bool,
}

impl News {
    /// Adds other news to these.
    pub(super) fn merge(&mut self, other: Self) {
        self.outbox.merge(other.outbox);
        self.polls |= other.polls;
        self.steps |= other.steps;
    }
}

/// New work in the outbox since the dispatcher last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxNews {
    /// The destinations that have something new to send, or that were started.
    pub destinations: BTreeSet<String>,
    /// Whether a bulk replay was started.
    pub bulk: bool,
}

impl OutboxNews {
    fn merge(&mut self, other: Self) {
        self.destinations.extend(other.destinations);
        self.bulk |= other.bulk;
    }
}

/// Keeps the news until the dispatcher takes them. Its size is bounded by the number of destinations.
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

    /// Waits for news and takes them. If the future is dropped while it waits, the news stay. Supports one waiter.
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
