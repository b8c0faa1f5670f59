//! The driver: one loop that checks every account that is due and makes their calls concurrently. A slow account does not delay others,
//! and an account never has two calls at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::account_lists;
use super::call::{Context, Plans};
use super::heartbeat::with_heartbeat;
use super::plan::Plan;
use super::rate::Turn;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::metrics::Metrics;
use crate::provider::pacer::Grant;
use crate::reconcile::Reconciler;
use crate::store::{Error, RETRY_PAUSE, retry_until_ok};
use crate::wake::Wake;

/// The most accounts that one round checks.
const ACCOUNTS_PER_ROUND_MAX: usize = 64;
/// The most calls in progress at once.
const CALLS_MAX: usize = 256;
/// How long a round may wait for a busy database before the loop counts as stuck.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the first calls wait for the account lists.
const LISTS_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often the loop reports that it is alive, and its pause when the database can't be used.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// The poller. The daemon makes one and runs it once.
pub struct Poller {
    cx: Arc<Context>,
    wake: Wake,
    plans: Plans,
    alive: Arc<dyn Fn() + Send + Sync>,
    /// A turn that was taken for an account that turned out not to be callable.
    turn: Option<Turn>,
    /// The plan that the accounts' due times were computed with.
    planned: Option<Arc<Plan>>,
}

impl Poller {
    /// Makes a poller. It writes to `trouble` why nothing is polled, for `/readyz`, and calls `alive` at least every second.
    #[must_use]
    pub fn new(
        reconciler: Reconciler,
        clock: Clock,
        wake: Wake,
        plans: Plans,
        metrics: Metrics,
        trouble: watch::Sender<Option<String>>,
        alive: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let cx = Context::new(reconciler, clock, plans.clone(), metrics, trouble);
        Self {
            cx: Arc::new(cx),
            wake,
            plans,
            alive: alive.into(),
            turn: None,
            planned: None,
        }
    }

    /// Runs until the shutdown. A call that is in progress then is left unfinished, and counts as ending at the next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        // Each attempt shows that the loop is not stuck.
        let recovered = retry_until_ok(&self.cx.clock, "unfinished provider calls", "", || async {
            (self.alive)();
            self.cx.pacer.recover().await
        });
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = recovered => {}
        }
        let mut lists = JoinSet::new();
        let (read_once, listed) = watch::channel(false);
        lists.spawn(account_lists::run(
            self.cx.clone(),
            self.plans.clone(),
            read_once,
            shutdown.clone(),
        ));
        if !self.wait_for_lists(listed, &shutdown).await {
            return;
        }
        let mut calls = JoinSet::new();
        while !shutdown.is_cancelled() {
            let alive = self.alive.clone();
            let started = self.start_due_calls(&mut calls, &shutdown);
            let started = with_heartbeat(&*alive, HEARTBEAT, PATIENCE, started).await;
            let next = match started {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "polling waits: the database can't be used");
                    Some(self.cx.clock.now().plus(RETRY_PAUSE))
                }
            };
            let mut heartbeat = tokio::time::interval(HEARTBEAT);
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
                    Ok(()) = self.plans.changed() => break,
                    () = &mut due => break,
                    Some(done) = calls.join_next(), if !calls.is_empty() => {
                        if let Err(error) = done {
                            tracing::error!(%error, "provider call failed: task panicked");
                        }
                        break;
                    }
                    _ = heartbeat.tick() => (self.alive)(),
                }
            }
        }
    }

    /// Waits until the account lists were read, because they tell which API serves an account, but not for long. Returns `false` when
    /// the daemon stops.
    async fn wait_for_lists(
        &self,
        mut listed: watch::Receiver<bool>,
        shutdown: &CancellationToken,
    ) -> bool {
        let read = async {
            // An error means that the task ended; then nothing more will be read.
            let _ = listed.wait_for(|read| *read).await;
        };
        let patience = self.cx.clock.sleep(LISTS_WAIT_MAX);
        tokio::pin!(read, patience);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return false,
                () = &mut read => return true,
                () = &mut patience => return true,
                _ = heartbeat.tick() => (self.alive)(),
            }
        }
    }

    /// Starts a call for each account that is due and may be called. Returns when the next account is due.
    async fn start_due_calls(
        &mut self,
        calls: &mut JoinSet<()>,
        shutdown: &CancellationToken,
    ) -> Result<Option<Timestamp>, Error> {
        let plan = self.plans.borrow_and_update().clone();
        if !self
            .planned
            .as_ref()
            .is_some_and(|planned| Arc::ptr_eq(planned, &plan))
        {
            self.replan(&plan).await?;
        }
        if !self.cx.keys.any_usable(&plan.clients) {
            return Ok(None);
        }
        let store = self.cx.reconciler.store().clone();
        let now = self.cx.clock.now();
        let due = store
            .read(move |r| r.accounts_to_check(now, ACCOUNTS_PER_ROUND_MAX))
            .await?;
        for account in due {
            (self.alive)();
            // The end of a call starts the next round.
            if calls.len() >= CALLS_MAX || !self.wait_for_turn(shutdown).await {
                return Ok(None);
            }
            match self.cx.permit(&account).await? {
                Grant::Go(permit, call) => {
                    let (cx, turn) = (self.cx.clone(), self.turn.take());
                    calls.spawn(async move { cx.call(turn, permit, call).await });
                }
                Grant::Later {
                    until: Some(until),
                    spaced: true,
                } => self.cx.metrics.spacing_wait(until.since(now)),
                Grant::Later { .. } => {}
            }
        }
        store.read(|r| r.next_check_at()).await
    }

    /// Learns the other ids of accounts that the configuration names.
    async fn learn_aliases(&self, plan: &Arc<Plan>) -> Result<(), Error> {
        if plan.formerly.is_empty() {
            return Ok(());
        }
        let plan = plan.clone();
        self.cx
            .reconciler
            .run(move |routine| {
                for (account, former) in &plan.formerly {
                    routine.account_is_also(account, former)?;
                }
                Ok(())
            })
            .await
    }

    /// Makes every account due after the configuration changed: the pace may differ, and more enrollments may be open.
    async fn replan(&mut self, plan: &Arc<Plan>) -> Result<(), Error> {
        self.learn_aliases(plan).await?;
        let (widths, clock) = (plan.widths(), self.cx.clock.clone());
        self.cx
            .reconciler
            .store()
            .write(move |tx| {
                tx.set_poll_range(widths, clock.now())?;
                tx.check_all_accounts(clock.now())
            })
            .await?;
        self.planned = Some(plan.clone());
        Ok(())
    }

    /// Takes a turn, unless one is left over from an account that could not be called. Returns `false` when the daemon stops.
    async fn wait_for_turn(&mut self, shutdown: &CancellationToken) -> bool {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        while self.turn.is_none() {
            tokio::select! {
                () = shutdown.cancelled() => return false,
                turn = self.cx.rate.turn() => self.turn = Some(turn),
                _ = heartbeat.tick() => (self.alive)(),
            }
        }
        true
    }
}
