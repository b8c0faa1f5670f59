//! What there is to do for one account: a promised resync before a tick, a tick before the next page of an interrupted poll.

use std::time::Duration;

use super::plan::Plan;
use super::resync::identifier;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;
use crate::provider::pacer::Choice;
use crate::store::{Error, PollRow, ResyncRow, Tx};

/// How long after the beginning of an outage, and after each probe, the account is probed (contract section 9).
const PROBE_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// The first page of the relations list.
    First {
        /// The beginning of the account's outage, if the call is to find out whether it is over.
        probe: Option<Timestamp>,
        /// How often one had been asked for when it left.
        asks: i64,
    },
    /// The next page of an interrupted poll.
    Page {
        /// Where it starts.
        cursor: String,
    },
    /// The profile of one prospect.
    Profile {
        /// What was promised.
        resync: ResyncRow,
        /// How the prospect is asked for.
        identifier: String,
    },
}

/// When an account whose outage began at `since` is called next to find out whether it works again.
#[must_use]
pub fn next_probe(since: Timestamp, probed_at: Option<Timestamp>) -> Timestamp {
    probed_at
        .map_or(since, |at| at.max(since))
        .plus(PROBE_EVERY)
}

/// Looks at the database, and writes down when the first tick of a new account is due.
pub(super) fn choose(
    tx: &Tx<'_>,
    plan: &Plan,
    account: &AccountId,
    now: Timestamp,
) -> Result<Choice<Work>, Error> {
    let (Some(mut row), Some(stored)) = (tx.poll_row(account)?, tx.account(account)?) else {
        return Ok(Choice::Later(None));
    };
    let provider = (plan.provider_of)(account).unwrap_or(stored.provider);
    if plan.client.is_none() || provider != Provider::Unipile {
        return Ok(Choice::Later(None));
    }
    let pace = (plan.pace_of)(account, now);
    let call = |work| Ok(Choice::Call(work, pace));
    // Stamped or moved meanwhile: the question is answered without a call.
    tx.resyncs_answered(account, now, pace.spacing)?;
    if tx.poll_bound(account, plan.scope(now), 0)?.is_none() {
        // Whatever opens one makes the account be looked at again; this is for the clock alone.
        return Ok(Choice::Later(Some(plan.next_tick(now))));
    }
    if let Some(since) = stored.outage_since {
        let probe = next_probe(since, row.probed_at);
        // Only a person's wish, made during this outage, brings a probe before its time.
        if !row.probe_asked && probe > now {
            return Ok(Choice::Later(Some(probe)));
        }
        return call(Work::First {
            probe: Some(since),
            asks: row.asks,
        });
    }
    if let Some(work) = promised(tx, account, now, pace.spacing)? {
        return call(work);
    }
    let missed = row.due_at.is_some_and(|due| due.plus(plan.every) < now);
    let far = row.due_at.is_some_and(|due| due > plan.latest_tick(now));
    if row.due_at.is_none() || missed || far {
        row.due_at = Some(if far {
            plan.next_tick(now)
        } else {
            plan.first(now)
        });
        tx.set_poll(&row)?;
    }
    let due = row.due_at.unwrap_or(now);
    if wants_first(&row, due <= now) {
        return call(Work::First {
            probe: None,
            asks: row.asks,
        });
    }
    match row.walk {
        Some(walk) => call(Work::Page {
            cursor: walk.cursor,
        }),
        None => Ok(Choice::Later(Some(due))),
    }
}

/// Whether page one is read next, and not the next page of an interrupted poll. They take turns, so that a tick that is shorter than
/// the spacing can't keep the poll from going on; a wish to poll now comes before that page, but once only.
fn wants_first(row: &PollRow, tick: bool) -> bool {
    let firsts = row.walk.as_ref().map_or(0, |walk| walk.firsts);
    ((row.asked || row.again) && firsts < 2) || (tick && firsts < 1)
}

/// The next promised resync that still needs a call.
fn promised(
    tx: &Tx<'_>,
    account: &AccountId,
    now: Timestamp,
    spacing: Duration,
) -> Result<Option<Work>, Error> {
    while let Some(resync) = tx.next_resync(account)? {
        match tx
            .enrollment(&resync.enrollment)?
            .and_then(|e| identifier(&e))
        {
            Some(identifier) => return Ok(Some(Work::Profile { resync, identifier })),
            // Nothing of it can be asked for any more.
            None => tx.resync_called(&resync.id, now, now.plus(spacing))?,
        }
    }
    Ok(None)
}
