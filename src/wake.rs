//! Activators: they say "look again" and carry nothing. Whoever is woken re-reads its work from the database, so a lost or a
//! doubled wake-up is harmless.

use std::sync::Arc;

use tokio::sync::Notify;

/// One thing that can be woken. Cheap to clone. A wake-up that comes while nobody waits is kept; several become one.
#[derive(Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Asks for a look.
    pub fn activate(&self) {
        self.0.notify_one();
    }

    /// Waits for the next wake-up. For one waiter only.
    pub async fn activated(&self) {
        self.0.notified().await;
    }
}

/// The activators of one daemon.
#[derive(Clone, Default)]
pub struct Wakes {
    /// An account or a prospect may be due for a provider call.
    pub poll: Wake,
    /// A next step or an open invite may be due (contract section 12).
    pub steps: Wake,
}
