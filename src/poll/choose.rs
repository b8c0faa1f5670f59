//! Chooses the next call of an account: resyncs first, then the tick, then the next page of an unfinished poll.

use std::time::Duration;

use super::keys::Keys;
use super::plan::Plan;
use super::resync::identifier;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;
use crate::provider::Client;
use crate::provider::pacer::Choice;
use crate::store::{AccountRow, Error, PollRow, ResyncRow, Tx};

/// The time from the beginning of an outage to the first probe, and between probes.
const PROBE_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// The call to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// The first page of the relations list.
    First {
        /// The beginning of the account's outage, if the call is a probe.
        probe: Option<Timestamp>,
        /// The number of requests for a poll when the call was made.
        asks: i64,
    },
    /// The next page of an interrupted poll.
    Page {
        /// The cursor of the page.
        cursor: String,
    },
    /// The profile of one prospect.
    Profile {
        /// The requested resync.
        resync: ResyncRow,
        /// The identifier of the prospect.
        identifier: String,
    },
}

/// The call to make, and how.
pub(super) struct Chosen {
    pub work: Work,
    /// The API that serves the account.
    pub client: Client,
    /// The id by which the configuration knows the account.
    pub settings: AccountId,
    /// The id by which the API knows the account.
    pub called_as: AccountId,
}

/// Returns when an account whose outage began at `since` is probed next.
#[must_use]
pub fn next_probe(since: Timestamp, probed_at: Option<Timestamp>) -> Timestamp {
    probed_at
        .map_or(since, |at| at.max(since))
        .plus(PROBE_EVERY)
}

/// Chooses the next call. Also stores when the first tick of a new account is due.
pub(super) fn choose(
    tx: &Tx<'_>,
    plan: &Plan,
    keys: &Keys,
    account: &AccountId,
    now: Timestamp,
) -> Result<Choice<Chosen>, Error> {
    let (Some(mut row), Some(stored)) = (tx.poll_row(account)?, tx.account(account)?) else {
        return Ok(Choice::Later(None));
    };
    let settings = plan.settings_id(tx, account)?;
    let Some(client) = plan.client(&settings, stored.provider) else {
        return Ok(Choice::Later(None));
    };
    if let Some(until) = keys.wait(&client.key_fingerprint, now) {
        return Ok(Choice::Later(until));
    }
    let called_as = wire_id(tx, &stored, client.api.provider())?;
    let pace = (plan.pace_of)(&settings, now);
    let call = |work| {
        let chosen = Chosen {
            work,
            client: client.clone(),
            settings: settings.clone(),
            called_as: called_as.clone(),
        };
        Ok(Choice::Call(chosen, pace))
    };
    // Resyncs of enrollments that were accepted or moved meanwhile need no call.
    tx.resyncs_answered(account, now, pace.spacing)?;
    if tx.poll_bound(account, plan.scope(now), 0)?.is_none() {
        // A change that opens an enrollment makes the account due. This covers the passing of time.
        return Ok(Choice::Later(Some(plan.next_tick(now))));
    }
    if let Some(since) = stored.outage_since {
        let probe = next_probe(since, row.probed_at);
        // Only a manual resync during this outage brings the probe forward.
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

/// Returns the id by which an API knows an account. If the configuration keeps an account on API v1 that is on v2 as well, this is an
/// alias.
fn wire_id(tx: &Tx<'_>, account: &AccountRow, serving: Provider) -> Result<AccountId, Error> {
    if account.provider != serving {
        for alias in tx.account_aliases(&account.id)? {
            if tx
                .account(&alias)?
                .is_some_and(|row| row.provider == serving)
            {
                return Ok(alias);
            }
        }
    }
    Ok(account.id.clone())
}

/// Returns whether the first page is read next, instead of the next page of an unfinished poll. They alternate, so that a tick shorter
/// than the spacing can't stop the poll from continuing. A requested poll comes first, but only once.
fn wants_first(row: &PollRow, tick: bool) -> bool {
    let firsts = row.walk.as_ref().map_or(0, |walk| walk.firsts);
    ((row.asked || row.again) && firsts < 2) || (tick && firsts < 1)
}

/// Returns the next resync that needs a call.
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
            // The prospect no longer has an identifier that can be sent.
            None => tx.resync_called(&resync.id, now, now.plus(spacing))?,
        }
    }
    Ok(None)
}
