//! The dispatcher: start, reload and drain of the workers. There is one worker per destination, so that a slow or failing destination
//! delays no other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backlog::{Backlog, STEP_ROWS};
use super::destination::Destination;
use super::ended::recovered;
use super::gate::Gate;
use super::worker::{Shared, Worker};
use super::{DeliveryObserver, REMOVED_REASON};
use crate::clock::Clock;
use crate::domain::delivery::DeliveryState;
use crate::store::{self, Reader, Settlement, Store, retry_until_ok};
use crate::wake::Wake;

/// How long a stop of the daemon waits for deliveries in flight.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Wait before it tries again to record the urls of the destinations.
const RECORD_EVERY: Duration = Duration::from_secs(10);

/// A handle that changes the destinations of a running dispatcher. Cheap to clone.
#[derive(Clone)]
pub struct Reload(Arc<watch::Sender<Vec<Destination>>>);

impl Reload {
    /// Replaces the destinations. Requests in flight to a changed or removed destination still end.
    pub fn set(&self, destinations: Vec<Destination>) {
        self.0.send_replace(destinations);
    }
}

/// Sends the deliveries of the outbox.
pub struct Dispatcher {
    shared: Shared,
    wanted: watch::Receiver<Vec<Destination>>,
    workers: HashMap<String, Worker>,
    /// By name. The gate of a removed destination stays while it is in use, because the destination may be added again.
    gates: HashMap<String, Arc<Gate>>,
    /// Whether the urls of the destinations are recorded in the database.
    recorded: bool,
}

impl Dispatcher {
    /// Creates a dispatcher and the handle that reloads it. It does nothing before [`Self::run`].
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        destinations: Vec<Destination>,
        observer: Arc<dyn DeliveryObserver>,
    ) -> (Self, Reload) {
        let (to, wanted) = watch::channel(destinations);
        let shared = Shared {
            store,
            clock,
            observer,
            tasks: TaskTracker::new(),
        };
        let dispatcher = Self {
            shared,
            wanted,
            workers: HashMap::new(),
            gates: HashMap::new(),
            recorded: false,
        };
        (dispatcher, Reload(Arc::new(to)))
    }

    /// Settles what the last process left in doubt, then sends until `shutdown`. Returns when the requests in flight have ended, or
    /// after [`DRAIN_MAX`]. Requests that have not ended by then are in doubt at the next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = self.recover() => {}
        }
        self.apply(&shutdown).await;
        let backlog_wake = Wake::default();
        let Shared { store, clock, .. } = self.shared.clone();
        let backlog = Backlog::new(store.clone(), clock, self.wanted.clone());
        self.shared
            .tasks
            .spawn(backlog.run(backlog_wake.clone(), shutdown.clone()));
        let mut retries =
            tokio::time::interval_at(tokio::time::Instant::now() + RECORD_EVERY, RECORD_EVERY);
        retries.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                news = store.outbox_news() => {
                    let mut removed = false;
                    for name in &news.destinations {
                        match self.workers.get(name) {
                            Some(worker) => worker.wake(),
                            None => removed = true,
                        }
                    }
                    if news.bulk || removed {
                        backlog_wake.activate();
                    }
                }
                // If the sender is gone, there are no more reloads.
                Ok(()) = self.wanted.changed() => {
                    self.apply(&shutdown).await;
                    backlog_wake.activate();
                }
                _ = retries.tick(), if !self.recorded => {
                    let wanted = self.wanted.borrow().clone();
                    self.record(&wanted).await;
                }
            }
        }
        for worker in self.workers.values() {
            worker.retire();
        }
        self.shared.tasks.close();
        if tokio::time::timeout(DRAIN_MAX, self.shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                deliveries = self.shared.tasks.len(),
                "deliveries in flight did not end in time; they are in doubt at the next start"
            );
        }
    }

    /// Settles the deliveries that are `sending` at the start: a process that died had claimed them. Retries until the database is
    /// available.
    async fn recover(&self) {
        retry_until_ok(&self.shared.clock, "deliveries in doubt", "", || async {
            self.recover_once().await
        })
        .await;
    }

    async fn recover_once(&self) -> Result<(), store::Error> {
        let store = &self.shared.store;
        let wanted = self.wanted.borrow().clone();
        let sending = |reader: &Reader<'_>| reader.destinations_with(DeliveryState::Sending);
        for name in store.read(sending).await? {
            let now = self.shared.clock.now();
            let configured = wanted.iter().find(|d| d.name == name);
            let settled = configured.map_or_else(held_as_removed, |d| recovered(d, now));
            let mut deliveries = 0;
            loop {
                let (settled, name) = (settled.clone(), name.clone());
                let count = store
                    .write(move |tx| tx.recover_sending(&name, &settled, now, STEP_ROWS))
                    .await?;
                deliveries += count;
                if count < STEP_ROWS {
                    break;
                }
            }
            tracing::warn!(
                destination = name,
                deliveries,
                then = %settled.state,
                "deliveries in flight when the last process ended"
            );
        }
        Ok(())
    }

    /// Starts and retires workers to match the configured destinations. The workers of unchanged destinations continue.
    async fn apply(&mut self, shutdown: &CancellationToken) {
        let wanted = self.wanted.borrow_and_update().clone();
        self.workers.retain(|_, worker| {
            let unchanged = wanted.contains(worker.destination());
            if !unchanged {
                worker.retire();
            }
            unchanged
        });
        self.set_gates(&wanted);
        self.record(&wanted).await;
        for destination in wanted {
            if self.workers.contains_key(&destination.name) {
                continue;
            }
            let name = destination.name.clone();
            let gate = self
                .gates
                .entry(name.clone())
                .or_insert_with(|| Arc::new(Gate::new(&destination)))
                .clone();
            let stop = shutdown.child_token();
            match Worker::new(self.shared.clone(), destination, gate, stop) {
                Ok(worker) => {
                    self.shared.tasks.spawn(worker.clone().run());
                    self.workers.insert(name, worker);
                }
                Err(error) => {
                    tracing::error!(destination = name, %error, "destination disabled: its HTTP client can't be set up");
                }
            }
        }
    }

    /// Applies the limits of the configured destinations to existing gates, and drops gates that are no longer needed.
    fn set_gates(&mut self, wanted: &[Destination]) {
        self.gates.retain(|name, gate| {
            if let Some(destination) = wanted.iter().find(|d| d.name == *name) {
                gate.configure(destination);
                return true;
            }
            gate.remove();
            !gate.is_idle()
        });
    }

    /// Records the urls of the destinations. A destination that was stopped and has a new url starts.
    async fn record(&mut self, wanted: &[Destination]) {
        let urls: Vec<_> = wanted
            .iter()
            .map(|d| (d.name.clone(), d.url.fingerprint()))
            .collect();
        let written = self
            .shared
            .store
            .write(move |tx| {
                urls.iter()
                    .try_for_each(|(name, print)| tx.register_destination(name, print))
            })
            .await;
        self.recorded = written.is_ok();
        if let Err(error) = written {
            tracing::warn!(%error, "urls of destinations not recorded, retrying");
        }
    }
}

fn held_as_removed() -> Settlement {
    Settlement {
        state: DeliveryState::Held,
        next_attempt_at: None,
        status: None,
        error: Some(REMOVED_REASON.to_owned()),
    }
}
