//! Makes one call and applies its answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::choose::{Chosen, Work, choose};
use super::cursors::RefusedCursors;
use super::keys::Keys;
use super::page::{self, PageStart};
use super::plan::Plan;
use super::rate::{CallRate, Turn};
use super::resync::{self, ProfileAnswer};
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::metrics::Metrics;
use crate::provider::pacer::{CallEnd, Choice, Grant, Pacer};
use crate::provider::{CallError, Client, Permit};
use crate::reconcile::{Reconciler, Routine};
use crate::store::{Error, ResyncRow, retry_until_ok};

/// The most attempts for a resync.
const RESYNC_ATTEMPTS_MAX: u32 = 5;

/// The current plan.
pub(super) type Plans = watch::Receiver<Arc<Plan>>;

/// The shared state of all calls.
pub(super) struct Context {
    pub reconciler: Reconciler,
    pub clock: Clock,
    pub pacer: Pacer,
    pub metrics: Metrics,
    pub rate: CallRate,
    pub keys: Arc<Keys>,
    plans: Plans,
    expired: RefusedCursors,
}

/// A call and the plan that it was judged by.
pub(super) struct Call {
    chosen: Chosen,
    plan: Arc<Plan>,
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
            rate: CallRate::new(clock.clone()),
            keys: Arc::new(Keys::new(clock.clone(), trouble)),
            clock,
            plans,
            expired: RefusedCursors::default(),
        }
    }

    /// Asks for a permit for the account's next call. The transaction judges it by the plan and the key that are current then.
    pub async fn permit(&self, account: &AccountId) -> Result<Grant<Call>, Error> {
        let (plans, named) = (self.plans.clone(), account.clone());
        // The closure must not own the context: a write that holds the last handle to the store would wait for itself.
        let keys = self.keys.clone();
        self.pacer
            .permit(account, move |tx, now| {
                let plan = plans.borrow().clone();
                Ok(match choose(tx, &plan, &keys, &named, now)? {
                    Choice::Call(chosen, pace) => {
                        let call = Call { chosen, plan };
                        Choice::Call(call, pace)
                    }
                    Choice::Later(until) => Choice::Later(until),
                })
            })
            .await
    }

    /// Makes a call. Its turn was taken before its permit, so nothing delays it here.
    pub async fn call(&self, _turn: Option<Turn>, permit: Permit, call: Call) {
        let account = permit.account().clone();
        let Call { chosen, plan } = call;
        let Chosen {
            work,
            client,
            settings,
            called_as,
        } = chosen;
        let permit = permit.called_as(called_as);
        let (asked, ended, settled) = match work {
            Work::First { probe, asks } => {
                let start = PageStart::First { asks };
                self.relations(&plan, &client, permit, start, probe).await
            }
            Work::Page { cursor } => {
                let start = PageStart::At(cursor);
                self.relations(&plan, &client, permit, start, None).await
            }
            Work::Profile { resync, identifier } => {
                self.profile(&client, permit, resync, &identifier).await
            }
        };
        let result = match &ended {
            Ok(()) => "ok",
            Err(error) => error.result_label(),
        };
        self.metrics.provider_call(asked, result);
        let (how, failed) = match ended {
            Ok(()) => {
                self.keys.worked(&client.key_fingerprint);
                (CallEnd::Succeeded, None)
            }
            Err(error) => self.failed(&client, &account, error),
        };
        if let Some(reason) = failed {
            self.mark_unhealthy(&account, &reason).await;
        }
        if let Err(error) = settled {
            // Nothing of the answer is stored. The call is repeated within the pace.
            tracing::warn!(%account, %error, "can't store the answer of a provider call");
        }
        let plan = self.plans.borrow().clone();
        let pace = (plan.pace_of)(&settings, self.clock.now());
        self.pacer.ended(&account, pace, how).await;
    }

    async fn relations(
        &self,
        plan: &Arc<Plan>,
        client: &Client,
        permit: Permit,
        start: PageStart,
        probe: Option<Timestamp>,
    ) -> Settled {
        let account = permit.account().clone();
        let answer = client
            .api
            .relations(permit, start.cursor(), plan.page_size)
            .await;
        let expired = matches!(answer, Err(CallError::CursorExpired { .. }));
        let again = expired && self.expired.again(&account);
        let later = start.cursor().is_some();
        let (plans, named) = (self.plans.clone(), account.clone());
        match answer {
            Ok(answer) => {
                let cached = self.is_cached(client, &account, answer.age);
                let settled = self
                    .reconciler
                    .run(move |routine| {
                        // The answer does not end an outage that was reported after the call was made, and a cached answer
                        // does not show that the account works.
                        let outage = routine.read().account(&named)?.and_then(|a| a.outage_since);
                        if probe.is_some() && probe == outage && !cached {
                            routine.account_answered(&named)?;
                        } else if probe.is_some() {
                            page_failed(routine, &named, false, false, true)?;
                        }
                        // A reload may have moved the bound.
                        let plan = plans.borrow().clone();
                        page::settle(routine, &plan, &named, &answer.value, &start)
                    })
                    .await;
                if later || matches!(settled, Ok(progress) if progress.finished) {
                    self.expired.forget(&account);
                }
                if matches!(settled, Ok(progress) if progress.unordered)
                    && self.keys.first_unordered(&client.key_fingerprint)
                {
                    tracing::warn!(%account, "relations list is not newest first, polls read all of it");
                }
                ("relations", Ok(()), settled.map(drop))
            }
            Err(error @ CallError::NotMade) => ("relations", Err(error), Ok(())),
            Err(error) => {
                let settled = self
                    .reconciler
                    .run(move |routine| {
                        page_failed(routine, &named, expired, again, probe.is_some())
                    })
                    .await;
                let ended = if expired { Ok(()) } else { Err(error) };
                ("relations", ended, settled)
            }
        }
    }

    async fn profile(
        &self,
        client: &Client,
        permit: Permit,
        asked: ResyncRow,
        identifier: &str,
    ) -> Settled {
        let account = permit.account().clone();
        let answer = client.api.profile(permit, identifier, asked.slashed).await;
        let plan = self.plans.borrow().clone();
        let (seen, ended) = match answer {
            Err(error @ CallError::NotMade) => return ("profile", Err(error), Ok(())),
            Ok(answer) => {
                self.is_cached(client, &account, answer.age);
                let seen = ProfileAnswer::Profile(Box::new(answer.value), answer.age);
                (Some(seen), Ok(()))
            }
            Err(CallError::NotFound) => (Some(ProfileAnswer::NoProfile), Ok(())),
            Err(CallError::Redirect) if !asked.slashed => (None, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let redirected = seen.is_none() && ended.is_ok();
        let last = asked.attempts + 1 >= RESYNC_ATTEMPTS_MAX;
        let seen = seen.or_else(|| last.then_some(ProfileAnswer::NoAnswer));
        let settled = self
            .reconciler
            .run(move |routine| match &seen {
                Some(seen) => resync::settle(routine, &plan, &asked, seen),
                None => routine.resync_failed(&asked.id, asked.slashed || redirected),
            })
            .await;
        ("profile", ended, settled)
    }

    /// Returns whether an answer came from a cache of the provider, and logs the first one.
    fn is_cached(&self, client: &Client, account: &AccountId, age: Duration) -> bool {
        if age.is_zero() {
            return false;
        }
        if self.keys.first_cached(&client.key_fingerprint) {
            let age_s = age.as_secs();
            tracing::warn!(%account, age_s, "provider answered from its cache although it was asked not to");
        }
        true
    }

    /// Logs a failure and returns what it means for the pace and for the account's health.
    fn failed(
        &self,
        client: &Client,
        account: &AccountId,
        error: CallError,
    ) -> (CallEnd, Option<String>) {
        match error {
            CallError::Disconnected { status, kind } => {
                let reason = kind.map_or_else(
                    || status.to_string(),
                    |k| k.rsplit('/').next().unwrap_or(&k).to_owned(),
                );
                tracing::warn!(%account, reason, "account unhealthy, polling stops until it works");
                (CallEnd::Succeeded, Some(reason))
            }
            CallError::WrongKey { .. } => {
                tracing::error!(%error, "API key refused, polling stops");
                self.keys.refuse(&client.key_fingerprint, error.to_string());
                (CallEnd::Succeeded, None)
            }
            CallError::KeyThrottled { retry_after } => {
                tracing::warn!(%account, %error, "rate limit of the API key reached, all its accounts back off");
                self.keys.back_off(&client.key_fingerprint, retry_after);
                (CallEnd::Inconclusive, None)
            }
            CallError::NotMade => {
                tracing::warn!(%account, "provider call not sent within a second of its permit");
                (CallEnd::Inconclusive, None)
            }
            error => {
                let retry_after = error.retry_after();
                tracing::warn!(%account, %error, "provider call failed, account backs off");
                (CallEnd::Failed { retry_after }, None)
            }
        }
    }

    async fn mark_unhealthy(&self, account: &AccountId, reason: &str) {
        retry_until_ok(&self.clock, "account health", account.as_str(), || async {
            let (named, reason) = (account.clone(), reason.to_owned());
            self.reconciler
                .run(move |routine| {
                    routine.account_failed(&named, &reason)?;
                    if let Some(mut row) = routine.read().poll_row(&named)? {
                        row.asked = false;
                        row.probe_asked = false;
                        row.probed_at = Some(routine.now());
                        routine.save_poll(&row)?;
                    }
                    Ok(())
                })
                .await
        })
        .await;
    }
}

type Settled = (&'static str, Result<(), CallError>, Result<(), Error>);

/// Records a failed page. A refused cursor starts the list over, at once unless the cursor before was refused too (`again`). A `probe`
/// counts as made. After a page of a walk, the first page has its turn.
fn page_failed(
    routine: &mut Routine<'_>,
    account: &AccountId,
    expired: bool,
    again: bool,
    probe: bool,
) -> Result<(), Error> {
    let Some(mut row) = routine.read().poll_row(account)? else {
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
        row.probed_at = Some(routine.now());
    }
    routine.save_poll(&row)
}
