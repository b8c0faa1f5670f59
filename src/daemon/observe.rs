//! Counts what the writer and the stamping routine report, and feeds the heartbeat of the writer.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::watchdog::Heartbeat;
use crate::metrics::Metrics;
use crate::reconcile::{ReconcileObserver, Report};
use crate::store::StoreObserver;

/// Observes the writer.
pub struct WriterObserver {
    /// Counts commits.
    pub metrics: Metrics,
    /// The heartbeat of the writer.
    pub heartbeat: Heartbeat,
    /// Cancelled when the process is asked to stop.
    pub shutdown: CancellationToken,
}

impl StoreObserver for WriterObserver {
    fn alive(&self) {
        self.heartbeat.beat();
    }

    fn stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    fn committed(&self, requests: usize, took: Duration) {
        self.metrics.commit(requests, took);
    }

    fn failed(&self) {
        self.metrics.commit_failed();
    }
}

impl ReconcileObserver for Metrics {
    fn committed(&self, report: &Report) {
        for stamp in report.stamps.iter().filter(|stamp| stamp.accepted) {
            let accept = &stamp.accept;
            let lag = accept.detected_at.since(accept.at);
            self.accept(accept.source, accept.path, lag);
        }
        for (source, outcome) in &report.signals {
            self.signal(*source, *outcome);
        }
    }
}
