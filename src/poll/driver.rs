//! The driver: one loop that looks at whoever has to be looked at, and lets their calls go side by side. A slow account delays
//! no other; one account never has two calls at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::choose::{Work, choose};
use super::expired::Expired;
use super::page::{self, Start};
use super::plan::Plan;
use super::rate::Rate;
use super::resync;
use super::resync::Seen;
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::metrics::Metrics;
use crate::provider::pacer::{Ended, Grant, Pacer};
use crate::provider::{CallError, Permit, Unipile};
use crate::reconcile::Reconciler;
use crate::store::Error;
use crate::wake::Wake;

/// How many accounts are looked at before the loop listens again.
const LOOK_MAX: usize = 64;
/// How many calls are under way at once.
const CALLS_MAX: usize = 256;
/// How often a resync is tried before it is given up.
const RESYNC_ATTEMPTS_MAX: u32 = 5;
/// How long the loop waits when the database can't be used, and how often it shows that it is alive.
const BREATH: Duration = Duration::from_secs(1);

/// Polls. Made by the daemon, run once.
pub struct Poller {
    cx: Arc<Context>,
    wake: Wake,
    plans: watch::Receiver<Arc<Plan>>,
    alive: Box<dyn Fn() + Send + Sync>,
}

struct Context {
    reconciler: Reconciler,
    clock: Clock,
    pacer: Pacer,
    metrics: Metrics,
    rate: Rate,
    /// Why nothing is polled, and the key it was said of.
    trouble: watch::Sender<Option<String>>,
    refused_key: watch::Sender<Option<String>>,
    expired: Expired,
}

impl Poller {
    /// Over the stamping routine. `trouble` tells `/readyz` why nothing is polled; `alive` is called at least every second.
    #[must_use]
    pub fn new(
        reconciler: Reconciler,
        clock: Clock,
        wake: Wake,
        plans: watch::Receiver<Arc<Plan>>,
        metrics: Metrics,
        trouble: watch::Sender<Option<String>>,
        alive: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let pacer = Pacer::new(reconciler.store().clone(), clock.clone());
        Self {
            cx: Arc::new(Context {
                reconciler,
                pacer,
                metrics,
                rate: Rate::new(clock.clone()),
                clock,
                trouble,
                refused_key: watch::Sender::new(None),
                expired: Expired::default(),
            }),
            wake,
            plans,
            alive,
        }
    }

    /// Looks until the shutdown. A call that is under way then counts as unfinished, and as ending at the next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while let Err(error) = self.cx.pacer.recover().await {
            tracing::warn!(%error, "polling waits for the database");
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(BREATH) => (self.alive)(),
            }
        }
        let mut calls = JoinSet::new();
        while !shutdown.is_cancelled() {
            let plan = self.plans.borrow_and_update().clone();
            let next = match self.look(&plan, &mut calls).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "polling waits for the database");
                    Some(self.cx.clock.now().plus(BREATH))
                }
            };
            let mut breath = tokio::time::interval(BREATH);
            let due = async {
                match next {
                    Some(when) => self.cx.clock.sleep_until(when).await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(due);
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = self.wake.activated() => break,
                    Ok(()) = self.plans.changed() => {
                        self.reloaded().await;
                        break;
                    }
                    () = &mut due => break,
                    Some(done) = calls.join_next(), if !calls.is_empty() => {
                        if let Err(error) = done {
                            tracing::error!(%error, "a call broke");
                        }
                        break;
                    }
                    _ = breath.tick() => (self.alive)(),
                }
            }
        }
    }

    /// Another pace may be in force: every account is looked at.
    async fn reloaded(&self) {
        let clock = self.cx.clock.clone();
        let looked = self
            .cx
            .reconciler
            .store()
            .write(move |tx| tx.look_at_all(clock.now(), false))
            .await;
        if let Err(error) = looked {
            tracing::warn!(%error, "the accounts keep their dates until they are looked at");
        }
    }

    /// Looks at those that are due. Returns when to look again.
    async fn look(
        &self,
        plan: &Arc<Plan>,
        calls: &mut JoinSet<()>,
    ) -> Result<Option<crate::domain::time::Ms>, Error> {
        let Some(client) = self.cx.client(plan) else {
            return Ok(None);
        };
        let free = CALLS_MAX.saturating_sub(calls.len());
        if free == 0 {
            return Ok(None);
        }
        let now = self.cx.clock.now();
        let store = self.cx.reconciler.store();
        let due = store
            .read(move |r| r.accounts_to_look_at(now, LOOK_MAX.min(free)))
            .await?;
        for account in due {
            (self.alive)();
            let pace = (plan.pace_of)(&account, now);
            let (rules, named) = (plan.clone(), account.clone());
            let grant = self
                .cx
                .pacer
                .permit(&account, pace, move |tx, now| {
                    choose(tx, &rules, &named, now)
                })
                .await?;
            match grant {
                Grant::Go(permit, work) => {
                    let (cx, plan, client) = (self.cx.clone(), plan.clone(), client.clone());
                    calls.spawn(async move { cx.call(&plan, &client, permit, work).await });
                }
                Grant::Later {
                    until: Some(until),
                    spaced: true,
                } => self.cx.metrics.spacing_wait(until.since(now)),
                Grant::Later { .. } => {}
            }
        }
        store.read(|r| r.next_look_at()).await
    }
}

impl Context {
    /// The client, unless the provider has refused this very key.
    fn client(&self, plan: &Plan) -> Option<Unipile> {
        let refused = self.refused_key.borrow().clone();
        if refused.is_some_and(|key| key == plan.key_fingerprint) {
            return None;
        }
        if self.refused_key.send_replace(None).is_some() {
            self.trouble.send_replace(None);
        }
        plan.client.clone()
    }

    async fn call(&self, plan: &Arc<Plan>, client: &Unipile, permit: Permit, work: Work) {
        let account = permit.account().clone();
        self.rate.turn().await;
        let (asked, ended, settled) = match work {
            Work::First { probe, asks } => {
                let start = Start::First { asks };
                self.relations(plan, client, permit, start, probe).await
            }
            Work::Page { cursor } => {
                let start = Start::At(cursor);
                self.relations(plan, client, permit, start, false).await
            }
            Work::Profile { resync, identifier } => {
                self.profile(plan, client, permit, resync, &identifier)
                    .await
            }
        };
        let result = match &ended {
            Ok(()) => "ok",
            Err(error) => error.word(),
        };
        self.metrics.provider_call(asked, result);
        let (how, failed) = match ended {
            Ok(()) => (Ended::Well, None),
            Err(error) => self.failed(plan, &account, error),
        };
        if let Some(reason) = failed {
            self.unhealthy(&account, &reason).await;
        }
        if let Err(error) = settled {
            // Nothing of the answer is stored; it is asked for again within the pace.
            tracing::warn!(%account, %error, "an answer of the provider could not be stored");
        }
        let pace = (plan.pace_of)(&account, self.clock.now());
        self.pacer.ended(&account, pace, how).await;
    }

    async fn relations(
        &self,
        plan: &Arc<Plan>,
        client: &Unipile,
        permit: Permit,
        start: Start,
        probe: bool,
    ) -> Outcome {
        let account = permit.account().clone();
        let answer = client
            .relations(permit, start.cursor(), plan.page_size)
            .await;
        let expired = matches!(answer, Err(CallError::CursorExpired { .. }));
        let again = expired && self.expired.again(&account);
        let later = start.cursor().is_some();
        let (plan, named) = (plan.clone(), account.clone());
        match answer {
            Ok(answer) => {
                let settled = self
                    .reconciler
                    .run(move |routine| {
                        // An answer says nothing of an outage that was reported after it was asked for.
                        if probe {
                            routine.account_works(&named)?;
                        }
                        page::settle(routine, &plan, &named, &answer, &start)
                    })
                    .await;
                if later || matches!(settled, Ok(true)) {
                    self.expired.forget(&account);
                }
                ("relations", Ok(()), settled.map(drop))
            }
            Err(error) => {
                let settled = self
                    .reconciler
                    .run(move |routine| forget(routine, &named, expired, again))
                    .await;
                let ended = if expired { Ok(()) } else { Err(error) };
                ("relations", ended, settled)
            }
        }
    }

    async fn profile(
        &self,
        plan: &Arc<Plan>,
        client: &Unipile,
        permit: Permit,
        asked: crate::store::ResyncRow,
        identifier: &str,
    ) -> Outcome {
        let answer = client.profile(permit, identifier, asked.slashed).await;
        let plan = plan.clone();
        let (seen, ended) = match answer {
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

/// After a failed page: an expired cursor starts over, at once unless that brought an expired one `again`; during an outage the
/// look that was asked for was made.
fn forget(
    routine: &mut crate::reconcile::Routine<'_>,
    account: &AccountId,
    expired: bool,
    again: bool,
) -> Result<(), Error> {
    let Some(mut row) = routine.tx.poll_row(account)? else {
        return Ok(());
    };
    if expired {
        row.walk = None;
        row.asked |= !again;
    }
    let outage = routine
        .tx
        .account(account)?
        .is_some_and(|a| a.outage_since.is_some());
    if outage {
        row.asked = false;
        row.probed_at = Some(routine.now);
    }
    routine.tx.set_poll(&row)
}
