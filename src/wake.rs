//! Wake-ups without content. A task that is woken reads its work from the database, so a lost or a repeated wake-up is harmless.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes one task. Cheap to clone. A wake-up is kept until the task waits for it; several become one.
#[derive(Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Wakes the task.
    pub fn activate(&self) {
        self.0.notify_one();
    }

    /// Waits for the next wake-up. Only one task may wait.
    pub async fn activated(&self) {
        self.0.notified().await;
    }
}

/// The wake-ups of one daemon.
#[derive(Clone, Default)]
pub struct Wakes {
    /// An account or a prospect may be due for a provider call.
    pub poll: Wake,
    /// A next step or a report on an open invite may be due.
    pub steps: Wake,
}
