//! One call, from its permit to what its answer changed.

use std::sync::Arc;

use tokio::sync::watch;

use super::choose::{Work, choose};
use super::driver::BREATH;
use super::expired::Expired;
use super::page::{self, Start};
use super::plan::Plan;
use super::rate::{Rate, Turn};
use super::resync::{self, Seen};
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::metrics::Metrics;
use crate::provider::pacer::{Choice, Ended, Grant, Pacer};
use crate::provider::{CallError, Permit, Unipile};
use crate::reconcile::{Reconciler, Routine};
use crate::store::{Error, ResyncRow};

/// How often a resync is tried before it is given up.
const RESYNC_ATTEMPTS_MAX: u32 = 5;

/// The plan in force.
pub(super) type Plans = watch::Receiver<Arc<Plan>>;

/// What every call needs.
pub(super) struct Context {
    pub reconciler: Reconciler,
    pub clock: Clock,
    pub pacer: Pacer,
    pub metrics: Metrics,
    pub rate: Rate,
    plans: Plans,
    /// Why nothing is polled, and the key it was said of.
    trouble: watch::Sender<Option<String>>,
    refused_key: watch::Sender<Option<String>>,
    expired: Expired,
}

/// A call, and what it was judged by.
pub(super) struct Call {
    work: Work,
    plan: Arc<Plan>,
    client: Unipile,
}

impl Context {
    pub fn new(
        reconciler: Reconciler,
        clock: Clock,
        plans: Plans,
        metrics: Metrics,
        trouble: watch::Sender<Option<String>>,
    ) -> Self {
        Self {
            pacer: Pacer::new(reconciler.store().clone(), clock.clone()),
            reconciler,
            metrics,
            rate: Rate::new(clock.clone()),
            clock,
            plans,
            trouble,
            refused_key: watch::Sender::new(None),
            expired: Expired::default(),
        }
    }

    /// Whether the provider has refused the key of this plan.
    pub fn key_is_refused(&self, plan: &Plan) -> bool {
        let refused = self.refused_key.borrow().clone();
        match refused {
            Some(key) if key == plan.key_fingerprint => true,
            Some(_) => {
                self.refused_key.send_replace(None);
                self.trouble.send_replace(None);
                false
            }
            None => false,
        }
    }

    /// Judges an account and its call in one transaction, by the plan and the key that are in force there.
    pub async fn permit(&self, account: &AccountId) -> Result<Grant<Call>, Error> {
        let (plans, named) = (self.plans.clone(), account.clone());
        // Not the context: a write that held the last handle to the store would wait for itself.
        let refused = self.refused_key.subscribe();
        self.pacer
            .permit(account, move |tx, now| {
                let plan = plans.borrow().clone();
                let refused = refused.borrow().as_ref() == Some(&plan.key_fingerprint);
                let Some(client) = plan.client.clone().filter(|_| !refused) else {
                    // Another key makes every account be looked at.
                    return Ok(Choice::Later(None));
                };
                Ok(match choose(tx, &plan, &named, now)? {
                    Choice::Call(work, pace) => {
                        let call = Call { work, plan, client };
                        Choice::Call(call, pace)
                    }
                    Choice::Later(until) => Choice::Later(until),
                })
            })
            .await
    }

    /// Makes a call, now: its turn came before its permit, and the client lets no call leave later than the permit allows.
    pub async fn call(&self, _turn: Option<Turn>, permit: Permit, call: Call) {
        let account = permit.account().clone();
        let Call { work, plan, client } = call;
        let (asked, ended, settled) = match work {
            Work::First { probe, asks } => {
                let start = Start::First { asks };
                self.relations(&plan, &client, permit, start, probe).await
            }
            Work::Page { cursor } => {
                let start = Start::At(cursor);
                self.relations(&plan, &client, permit, start, None).await
            }
            Work::Profile { resync, identifier } => {
                self.profile(&client, permit, resync, &identifier).await
            }
        };
        let result = match &ended {
            Ok(()) => "ok",
            Err(error) => error.word(),
        };
        self.metrics.provider_call(asked, result);
        let (how, failed) = match ended {
            Ok(()) => (Ended::Well, None),
            Err(error) => self.failed(&plan, &account, error),
        };
        if let Some(reason) = failed {
            self.unhealthy(&account, &reason).await;
        }
        if let Err(error) = settled {
            // Nothing of the answer is stored; it is asked for again within the pace.
            tracing::warn!(%account, %error, "an answer of the provider could not be stored");
        }
        let plan = self.plans.borrow().clone();
        let pace = (plan.pace_of)(&account, self.clock.now());
        self.pacer.ended(&account, pace, how).await;
    }

    async fn relations(
        &self,
        plan: &Arc<Plan>,
        client: &Unipile,
        permit: Permit,
        start: Start,
        probe: Option<Timestamp>,
    ) -> Outcome {
        let account = permit.account().clone();
        let answer = client
            .relations(permit, start.cursor(), plan.page_size)
            .await;
        let expired = matches!(answer, Err(CallError::CursorExpired { .. }));
        let again = expired && self.expired.again(&account);
        let later = start.cursor().is_some();
        let (plans, named) = (self.plans.clone(), account.clone());
        match answer {
            // The room is kept for as long as the answer.
            Ok((answer, _room)) => {
                let settled = self
                    .reconciler
                    .run(move |routine| {
                        // An answer says nothing of an outage that was reported after it was asked for.
                        let outage = routine.tx.account(&named)?.and_then(|a| a.outage_since);
                        if probe.is_some() && probe == outage {
                            routine.account_works(&named)?;
                        }
                        // A reload meanwhile may have moved the bound.
                        let plan = plans.borrow().clone();
                        page::settle(routine, &plan, &named, &answer, &start)
                    })
                    .await;
                if later || matches!(settled, Ok(true)) {
                    self.expired.forget(&account);
                }
                ("relations", Ok(()), settled.map(drop))
            }
            Err(error @ CallError::NotMade) => ("relations", Err(error), Ok(())),
            Err(error) => {
                let settled = self
                    .reconciler
                    .run(move |routine| forget(routine, &named, expired, again, probe.is_some()))
                    .await;
                let ended = if expired { Ok(()) } else { Err(error) };
                ("relations", ended, settled)
            }
        }
    }

    async fn profile(
        &self,
        client: &Unipile,
        permit: Permit,
        asked: ResyncRow,
        identifier: &str,
    ) -> Outcome {
        let answer = client.profile(permit, identifier, asked.slashed).await;
        let plan = self.plans.borrow().clone();
        let (seen, ended) = match answer {
            Err(error @ CallError::NotMade) => return ("profile", Err(error), Ok(())),
            Ok(profile) => (Some(Seen::Profile(profile)), Ok(())),
            Err(CallError::NotFound) => (Some(Seen::NoProfile), Ok(())),
            Err(CallError::Redirect) if !asked.slashed => (None, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let redirected = seen.is_none() && ended.is_ok();
        let last = asked.attempts + 1 >= RESYNC_ATTEMPTS_MAX;
        let seen = seen.or_else(|| last.then_some(Seen::NoAnswer));
        let settled = self
            .reconciler
            .run(move |routine| match &seen {
                Some(seen) => resync::settle(routine, &plan, &asked, seen),
                None => routine
                    .tx
                    .resync_failed(&asked.id, asked.slashed || redirected),
            })
            .await;
        ("profile", ended, settled)
    }

    /// What a failure means for the pace, and for the account's health.
    fn failed(
        &self,
        plan: &Plan,
        account: &AccountId,
        error: CallError,
    ) -> (Ended, Option<String>) {
        match error {
            CallError::Disconnected { status, kind } => {
                let reason = kind.map_or_else(
                    || status.to_string(),
                    |k| k.trim_start_matches("errors/").to_owned(),
                );
                tracing::warn!(%account, reason, "the account can't be used; it is not polled until it works");
                (Ended::Well, Some(reason))
            }
            CallError::WrongKey { .. } => {
                tracing::error!(%error, "all polling stops");
                self.refused_key
                    .send_replace(Some(plan.key_fingerprint.clone()));
                self.trouble.send_replace(Some(error.to_string()));
                (Ended::Well, None)
            }
            CallError::NotMade => {
                tracing::warn!(%account, "a call could not leave in time and was not made; it waits for the next permit");
                (Ended::Unmade, None)
            }
            error => {
                let retry_after = error.retry_after();
                tracing::warn!(%account, %error, "a call failed; the account backs off");
                (Ended::Badly { retry_after }, None)
            }
        }
    }

    async fn unhealthy(&self, account: &AccountId, reason: &str) {
        loop {
            let (named, reason) = (account.clone(), reason.to_owned());
            let stored = self
                .reconciler
                .run(move |routine| {
                    routine.account_failed(&named, &reason)?;
                    if let Some(mut row) = routine.tx.poll_row(&named)? {
                        row.asked = false;
                        row.probe_asked = false;
                        row.probed_at = Some(routine.now);
                        routine.tx.set_poll(&row)?;
                    }
                    Ok(())
                })
                .await;
            match stored {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%account, %error, "the health of the account can't be stored yet");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

type Outcome = (&'static str, Result<(), CallError>, Result<(), Error>);

/// After a failed page: an expired cursor starts over, at once unless that brought an expired one `again`; a `probe` was made; after a
/// page of an interrupted poll, page one has its turn.
fn forget(
    routine: &mut Routine<'_>,
    account: &AccountId,
    expired: bool,
    again: bool,
    probe: bool,
) -> Result<(), Error> {
    let Some(mut row) = routine.tx.poll_row(account)? else {
        return Ok(());
    };
    if expired {
        row.walk = None;
        row.again |= !again;
    }
    if let Some(walk) = &mut row.walk {
        walk.firsts = 0;
    }
    if probe {
        row.asked = false;
        row.probe_asked = false;
        row.probed_at = Some(routine.now);
    }
    routine.tx.set_poll(&row)
}
