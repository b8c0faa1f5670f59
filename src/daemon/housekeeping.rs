//! Pruning: the ledger and finished deliveries after `database.retain_signals`, changes after a day, the audit trail after a year. In small steps with a rest
//! between them, so that a webhook never waits for it.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::signal::EVIDENCE_RETRY_WINDOW;
use crate::domain::time::Timestamp;
use crate::store::{Error, PruneStep, Store, Tx};

/// How often everything is looked through.
const EVERY: Duration = Duration::from_secs(3_600);
/// How many rows one step looks at: a few milliseconds of the writer's time.
const ROWS: u32 = 500;
/// The same for the ledger, whose rows take the keys of their persons with them.
const LEDGER_ROWS: u32 = 200;
/// How long the writer is left alone between two steps.
const REST: Duration = Duration::from_millis(20);
/// How far back a reader of the event stream can catch up.
const CHANGES_KEPT: Duration = Duration::from_secs(86_400);

/// How long the audit trail is kept.
const AUDIT_KEPT: Duration = Duration::from_secs(365 * 86_400);

/// How many rows were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Of the ledger.
    pub signals: usize,
    /// Deliveries that had arrived.
    pub deliveries: usize,
    /// Changes for those who watch live.
    pub changes: usize,
    /// Of the audit trail.
    pub audit: usize,
}

/// Prunes now and then every hour, for ever. `retain` is asked each time, so a reload counts.
pub async fn run(store: Store, clock: Clock, retain: impl Fn() -> Duration) {
    loop {
        match prune(&store, clock.now(), retain()).await {
            Ok(gone) if gone != Pruned::default() => tracing::info!(
                signals = gone.signals,
                deliveries = gone.deliveries,
                changes = gone.changes,
                audit = gone.audit,
                "pruned what is over"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "pruning stopped; it goes on in an hour"),
        }
        clock.sleep(EVERY).await;
    }
}

/// Looks through everything once.
///
/// # Errors
/// The store's; what was removed before stays removed.
pub async fn prune(store: &Store, now: Timestamp, retain: Duration) -> Result<Pruned, Error> {
    let before = now.minus(retain);
    let waits_since = now.minus(EVIDENCE_RETRY_WINDOW);
    Ok(Pruned {
        signals: each(store, move |tx, after| {
            tx.prune_signals(before, waits_since, after, LEDGER_ROWS)
        })
        .await?,
        deliveries: each(store, move |tx, after| {
            tx.prune_deliveries(before, after, ROWS)
        })
        .await?,
        changes: each(store, move |tx, after| {
            tx.prune_changes(now.minus(CHANGES_KEPT), after, ROWS)
        })
        .await?,
        audit: each(store, move |tx, after| {
            tx.prune_audit(now.minus(AUDIT_KEPT), after, ROWS)
        })
        .await?,
    })
}

async fn each(
    store: &Store,
    step: impl Fn(&Tx<'_>, i64) -> Result<PruneStep, Error> + Copy + Send + 'static,
) -> Result<usize, Error> {
    let (mut removed, mut after) = (0, 0);
    loop {
        let done = store.write(move |tx| step(tx, after)).await?;
        removed += done.removed;
        match done.next {
            Some(next) => after = next,
            None => return Ok(removed),
        }
        tokio::time::sleep(REST).await;
    }
}
