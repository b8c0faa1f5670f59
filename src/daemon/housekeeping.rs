//! Prunes old ledger rows and finished deliveries after `database.retain_signals`, changes after a day, and the audit trail after a
//! year. It works in small steps with pauses, so that a webhook never waits for it.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::signal::EVIDENCE_RETRY_WINDOW;
use crate::domain::time::Timestamp;
use crate::store::{Error, PruneStep, Store, Tx};

/// The time between two runs.
const INTERVAL: Duration = Duration::from_secs(3_600);
/// How many rows one step checks. A step takes a few milliseconds of the writer's time.
const STEP_ROWS: u32 = 500;
/// How many rows of the ledger one step checks. Each is deleted together with its search keys.
const LEDGER_STEP_ROWS: u32 = 200;
/// The pause between two steps.
const STEP_PAUSE: Duration = Duration::from_millis(20);
/// How far back a reader of the event stream can catch up.
const CHANGES_KEPT: Duration = Duration::from_secs(86_400);

/// How long the audit trail is kept.
const AUDIT_KEPT: Duration = Duration::from_secs(365 * 86_400);

/// How many rows were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Ledger rows.
    pub signals: usize,
    /// Finished deliveries.
    pub deliveries: usize,
    /// Rows of the event stream.
    pub changes: usize,
    /// Rows of the audit trail.
    pub audit: usize,
}

/// Prunes now and then every hour. Never returns. `retain` is called each time, so a reload takes effect.
pub async fn run(store: Store, clock: Clock, retain: impl Fn() -> Duration) {
    loop {
        match prune(&store, clock.now(), retain()).await {
            Ok(gone) if gone != Pruned::default() => tracing::info!(
                signals = gone.signals,
                deliveries = gone.deliveries,
                changes = gone.changes,
                audit = gone.audit,
                "pruned expired rows"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "pruning failed, retrying in an hour"),
        }
        clock.sleep(INTERVAL).await;
    }
}

/// Prunes once. If a step fails, the rows of earlier steps stay removed.
pub async fn prune(store: &Store, now: Timestamp, retain: Duration) -> Result<Pruned, Error> {
    let before = now.minus(retain);
    let waits_since = now.minus(EVIDENCE_RETRY_WINDOW);
    Ok(Pruned {
        signals: prune_in_steps(store, move |tx, after| {
            tx.prune_signals(before, waits_since, after, LEDGER_STEP_ROWS)
        })
        .await?,
        deliveries: prune_in_steps(store, move |tx, after| {
            tx.prune_deliveries(before, after, STEP_ROWS)
        })
        .await?,
        changes: prune_in_steps(store, move |tx, after| {
            tx.prune_changes(now.minus(CHANGES_KEPT), after, STEP_ROWS)
        })
        .await?,
        audit: prune_in_steps(store, move |tx, after| {
            tx.prune_audit(now.minus(AUDIT_KEPT), after, STEP_ROWS)
        })
        .await?,
    })
}

async fn prune_in_steps(
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
        tokio::time::sleep(STEP_PAUSE).await;
    }
}
