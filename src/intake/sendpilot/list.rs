//! Reading SendPilot's own list of leads, to repair what its webhooks missed. See `docs/rules/polling.md`.
//!
//! SendPilot gives up on a webhook after 80 minutes. The list has no order and no "since", so every page of every status that
//! proves an accept is read. Leads that did not change since the last reading are skipped.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::enrollment::Status;
use crate::metrics::Metrics;
use crate::provider::leads::{Lead, LeadsClient, LeadsError};
use crate::reconcile::Reconciler;
use crate::store::Error;

/// The statuses that prove an accept. The list shows where a lead is, not what it passed.
const STATUSES: [Status; 3] = [
    Status::ConnectionAccepted,
    Status::MessageSent,
    Status::ReplyReceived,
];

/// The time from the end of one call to the start of the next: at most two calls a second.
const CALL_EVERY: Duration = Duration::from_millis(500);
/// The pause after the first failure. It doubles up to `repair_every`.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The pause while the database can't be used.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// The most pages of one status that are read.
const PAGES_MAX: u32 = 100_000;

/// Reads the list of one API key, again and again.
pub struct LeadList {
    /// Calls SendPilot.
    pub client: LeadsClient,
    /// The time from the end of one reading to the start of the next.
    pub repair_every: Duration,
    /// Applies the leads.
    pub reconciler: Reconciler,
    /// The time.
    pub clock: Clock,
    /// Counts the calls.
    pub metrics: Metrics,
}

/// What one reading did.
#[derive(Debug, Default)]
struct Tally {
    leads: usize,
    changed: usize,
}

impl LeadList {
    /// Reads the whole list at once, and then every `repair_every`. It never ends.
    pub async fn run(self) {
        loop {
            let tally = self.read_all().await;
            tracing::info!(
                leads = tally.leads,
                changed = tally.changed,
                "SendPilot's list of leads was read"
            );
            self.clock.sleep(self.repair_every).await;
        }
    }

    /// Reads every page of every status. A page that fails is asked for again.
    async fn read_all(&self) -> Tally {
        let mut tally = Tally::default();
        for status in STATUSES {
            let mut failures = 0;
            let mut page = 1;
            while page <= PAGES_MAX {
                let answer = self.client.page(status, page).await;
                self.metrics.provider_call("leads", label(&answer));
                match answer {
                    Ok(found) => {
                        failures = 0;
                        let is_last = found.is_last(page);
                        tally.leads += found.leads.len();
                        tally.changed += self.apply(found.leads).await;
                        self.clock.sleep(CALL_EVERY).await;
                        if is_last {
                            break;
                        }
                        page += 1;
                    }
                    Err(error) => {
                        let pause = self.pause(&error, failures);
                        failures += 1;
                        tracing::warn!(%error, pause_s = pause.as_secs(), "SendPilot's list of leads can't be read, backing off");
                        self.clock.sleep(pause).await;
                    }
                }
            }
        }
        tally
    }

    /// Returns the pause after a failure: what SendPilot asks for, else longer after each failure.
    fn pause(&self, error: &LeadsError, failures: u32) -> Duration {
        if let Some(wait) = error.retry_after() {
            return wait.max(CALL_EVERY);
        }
        if matches!(error, LeadsError::WrongKey { .. }) {
            return self.repair_every.max(CALL_EVERY);
        }
        FIRST_PAUSE
            .saturating_mul(1 << failures.min(16))
            .min(self.repair_every)
            .max(CALL_EVERY)
    }

    /// Applies the leads of one page in one transaction. Waits for a database that can't be used. Returns the number of leads that
    /// changed.
    async fn apply(&self, leads: Vec<Lead>) -> usize {
        loop {
            let page = leads.clone();
            let applied = self
                .reconciler
                .run(move |routine| {
                    let mut changed = 0;
                    for lead in &page {
                        let Some(status) = lead.status else { continue };
                        let outcome =
                            routine.apply_listed_lead(&lead.id, status, lead.updated_at)?;
                        changed += usize::from(outcome.is_some());
                    }
                    Ok::<_, Error>(changed)
                })
                .await;
            match applied {
                Ok(changed) => return changed,
                Err(error @ Error::Unavailable(_)) => {
                    tracing::warn!(%error, "can't store the leads of SendPilot's list, retrying");
                    self.clock.sleep(STORE_PAUSE).await;
                }
                Err(error) => {
                    tracing::error!(%error, "a page of SendPilot's list can't be applied and is skipped until the next reading");
                    return 0;
                }
            }
        }
    }
}

fn label<T>(answer: &Result<T, LeadsError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(LeadsError::WrongKey { .. }) => "wrong_key",
        Err(LeadsError::Refused { status: 429, .. }) => "rate_limited",
        Err(LeadsError::Refused { .. }) => "error",
        Err(LeadsError::InvalidResponse(_)) => "invalid_response",
        Err(LeadsError::Failed(_)) => "failed",
    }
}
