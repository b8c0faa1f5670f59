//! What the store's writer tells, counted and passed on to the watchdog.

use std::time::Duration;

use super::watchdog::Heartbeat;
use crate::metrics::Metrics;
use crate::store::Observer;

/// Listens to the writer.
pub struct WriterObserver {
    /// Counts commits.
    pub metrics: Metrics,
    /// Beats while the writer is not stuck.
    pub heartbeat: Heartbeat,
}

impl Observer for WriterObserver {
    fn alive(&self) {
        self.heartbeat.beat();
    }

    fn committed(&self, requests: usize, took: Duration) {
        self.metrics.commit(requests, took);
    }

    fn failed(&self) {
        self.metrics.commit_failed();
    }
}
