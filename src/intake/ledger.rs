//! What the webhooks of all providers do in the writer's transaction: list an event in the ledger, and recognise a duplicate.

use crate::domain::signal::{EventRef, Outcome};
use crate::reconcile::{LedgerEntry, Routine};
use crate::store::Error;

/// The reason in the ledger for a duplicate.
pub(super) const SEEN_BEFORE: &str = "The provider sent this event before.";

/// Lists an event in the ledger and returns its outcome.
pub(super) fn record(routine: &mut Routine<'_>, entry: &LedgerEntry<'_>) -> Result<Outcome, Error> {
    routine.record(entry)?;
    Ok(entry.outcome)
}

/// Remembers the event id of the provider. Returns `true` if it was already known. `duplicate` is then listed in the ledger.
pub(super) fn is_duplicate(
    routine: &mut Routine<'_>,
    event: Option<&EventRef>,
    duplicate: &LedgerEntry<'_>,
) -> Result<bool, Error> {
    let Some(event) = event else {
        return Ok(false);
    };
    if routine.remember_event(event)? {
        return Ok(false);
    }
    routine.record(duplicate)?;
    Ok(true)
}
