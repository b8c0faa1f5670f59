//! The driver: one loop that checks every account that is due, and makes their calls side by side. A slow account delays
//! no other; one account never has two calls at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::alive::while_alive;
use super::call::{Context, Plans};
use super::plan::Plan;
use super::rate::Turn;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::metrics::Metrics;
use crate::provider::pacer::Grant;
use crate::reconcile::Reconciler;
use crate::store::Error;
use crate::wake::Wake;

/// How many accounts are looked at before the loop listens again.
const LOOK_MAX: usize = 64;
/// How many calls are under way at once.
const CALLS_MAX: usize = 256;
/// How long a look at the accounts may wait for a busy database before the loop counts as stuck.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the loop waits when the database can't be used, and how often it shows that it is alive.
pub(super) const BREATH: Duration = Duration::from_secs(1);

/// Polls. Made by the daemon, run once.
pub struct Poller {
    cx: Arc<Context>,
    wake: Wake,
    plans: Plans,
    alive: Arc<dyn Fn() + Send + Sync>,
    /// A turn that was taken before it was known whether an account may be called.
    turn: Option<Turn>,
    /// The plan that the accounts' dates were made by. Whatever made the loop look again, another plan is noticed.
    planned: Option<Arc<Plan>>,
}

impl Poller {
    /// Over the stamping routine. `trouble` tells `/readyz` why nothing is polled; `alive` is called at least every second.
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
            let alive = self.alive.clone();
            let looked = self.look(&mut calls, &shutdown);
            let looked = while_alive(&*alive, BREATH, PATIENCE, looked).await;
            let next = match looked {
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
                    Ok(()) = self.plans.changed() => break,
                    () = &mut due => break,
                    Some(done) = calls.join_next(), if !calls.is_empty() => {
                        if let Err(error) = done {
                            tracing::error!(%error, "provider call failed: task panicked");
                        }
                        break;
                    }
                    _ = breath.tick() => (self.alive)(),
                }
            }
        }
    }

    /// Calls those that are due and may be called. Returns when to look again.
    async fn look(
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
        if plan.client.is_none() || self.cx.key_is_refused(&plan) {
            return Ok(None);
        }
        let store = self.cx.reconciler.store().clone();
        let now = self.cx.clock.now();
        let due = store
            .read(move |r| r.accounts_to_check(now, LOOK_MAX))
            .await?;
        for account in due {
            (self.alive)();
            // A call that ends makes the loop look again.
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

    /// Another pace may be in force, and enrollments may be open that were not: every account is looked at.
    async fn replan(&mut self, plan: &Arc<Plan>) -> Result<(), Error> {
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

    /// Takes a turn, unless one is left over from an account that could not be called. Returns whether there is one: there is none
    /// when the daemon stops.
    async fn wait_for_turn(&mut self, shutdown: &CancellationToken) -> bool {
        let mut breath = tokio::time::interval(BREATH);
        while self.turn.is_none() {
            tokio::select! {
                () = shutdown.cancelled() => return false,
                turn = self.cx.rate.turn() => self.turn = Some(turn),
                _ = breath.tick() => (self.alive)(),
            }
        }
        true
    }
}
