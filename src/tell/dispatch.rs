//! The dispatcher: one worker per destination, so that a slow or failing one delays no other; start, reload and drain.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backlog::{Backlog, STEP_ROWS};
use super::destination::Destination;
use super::gate::Gate;
use super::worker::{OnTheWire, Shared, Worker, recovered};
use super::{Observer, REMOVED};
use crate::clock::Clock;
use crate::domain::delivery::DeliveryState;
use crate::store::{self, Reader, Settlement, Store};
use crate::wake::Wake;

/// How long deliveries in flight may take to end once the daemon is told to (contract section 10).
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long the dispatcher waits before it tries again to record the urls of the destinations.
const MEET_EVERY: Duration = Duration::from_secs(10);

/// How long the start waits before it asks a database again that can't be used.
const STORE_WAIT: Duration = Duration::from_secs(1);

/// Changes the destinations of a running dispatcher. Cheap to clone.
#[derive(Clone)]
pub struct Reload(Arc<watch::Sender<Vec<Destination>>>);

impl Reload {
    /// These are the destinations from now on. What is on the wire to a changed or removed one ends by itself.
    pub fn set(&self, destinations: Vec<Destination>) {
        self.0.send_replace(destinations);
    }
}

/// Sends what the outbox holds.
pub struct Dispatcher {
    shared: Shared,
    wanted: watch::Receiver<Vec<Destination>>,
    workers: HashMap<String, Worker>,
    /// By name. Those of removed destinations stay while they are in use: the destination may come back.
    gates: HashMap<String, Arc<Gate>>,
    /// Whether the database knows the urls of the wanted destinations.
    met: bool,
}

impl Dispatcher {
    /// A dispatcher that does not run yet.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        destinations: Vec<Destination>,
        observer: Arc<dyn Observer>,
    ) -> (Self, Reload) {
        let (to, wanted) = watch::channel(destinations);
        let shared = Shared {
            store,
            clock,
            observer,
            wire: OnTheWire::default(),
            tasks: TaskTracker::new(),
        };
        let dispatcher = Self {
            shared,
            wanted,
            workers: HashMap::new(),
            gates: HashMap::new(),
            met: false,
        };
        (dispatcher, Reload(Arc::new(to)))
    }

    /// Settles what the last process left in doubt, then sends until `shutdown`; returns when what was on the wire has ended,
    /// or after [`DRAIN_MAX`]. What has not ended by then is in doubt at the next start.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = self.recover() => {}
        }
        self.apply(&shutdown).await;
        let look = Wake::default();
        let Shared { store, clock, .. } = self.shared.clone();
        let backlog = Backlog::new(store.clone(), clock, self.wanted.clone());
        self.shared
            .tasks
            .spawn(backlog.run(look.clone(), shutdown.clone()));
        let mut meets =
            tokio::time::interval_at(tokio::time::Instant::now() + MEET_EVERY, MEET_EVERY);
        meets.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                news = store.outbox_news() => {
                    let mut orphans = false;
                    for name in &news.destinations {
                        match self.workers.get(name) {
                            Some(worker) => worker.wake(),
                            None => orphans = true,
                        }
                    }
                    if news.bulk || orphans {
                        look.activate();
                    }
                }
                // The sender may be gone; then there are no more reloads.
                Ok(()) = self.wanted.changed() => {
                    self.apply(&shutdown).await;
                    look.activate();
                }
                _ = meets.tick(), if !self.met => {
                    let wanted = self.wanted.borrow().clone();
                    self.meet(&wanted).await;
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
                "deliveries in flight did not end in time; they are in doubt"
            );
        }
    }

    /// What is `sending` when a process starts was claimed by one that died. Tried until the database can be used.
    async fn recover(&self) {
        while let Err(error) = self.recover_once().await {
            tracing::warn!(%error, "the outbox waits for the database");
            tokio::time::sleep(STORE_WAIT).await;
        }
    }

    async fn recover_once(&self) -> Result<(), store::Error> {
        let store = &self.shared.store;
        let wanted = self.wanted.borrow().clone();
        let sending = |reader: &Reader<'_>| reader.destinations_with(DeliveryState::Sending);
        for name in store.read(sending).await? {
            let now = self.shared.clock.now();
            let configured = wanted.iter().find(|d| d.name == name);
            let settled = configured.map_or_else(held_orphan, |d| recovered(d, now));
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
                "deliveries were in flight when the last process ended"
            );
        }
        Ok(())
    }

    /// Makes the workers those of the wanted destinations. Unchanged ones go on undisturbed.
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
        self.meet(&wanted).await;
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
                    tracing::error!(destination = name, %error, "nothing can be sent to this destination");
                }
            }
        }
    }

    /// Applies the limits of the wanted destinations to the gates that are there, and drops those that nobody needs any more.
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

    /// Remembers the urls; a destination that was stopped under another one starts.
    async fn meet(&mut self, wanted: &[Destination]) {
        let met: Vec<_> = wanted
            .iter()
            .map(|d| (d.name.clone(), d.url.fingerprint()))
            .collect();
        let written = self
            .shared
            .store
            .write(move |tx| {
                met.iter()
                    .try_for_each(|(name, print)| tx.register_destination(name, print))
            })
            .await;
        self.met = written.is_ok();
        if let Err(error) = written {
            tracing::warn!(%error, "the destinations could not be recorded yet");
        }
    }
}

fn held_orphan() -> Settlement {
    Settlement {
        state: DeliveryState::Held,
        next_attempt_at: None,
        status: None,
        error: Some(REMOVED.to_owned()),
    }
}
