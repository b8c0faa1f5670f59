//! The build phase: everything is opened and bound, and nothing runs yet.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::destinations::destinations;
use super::listen::{Listeners, listeners};
use super::observe::WriterObserver;
use super::plan::plan;
use super::policy::policy;
use super::watchdog::Heartbeat;
use crate::clock::Clock;
use crate::config::{Config, Loaded};
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::poll::{Plan, Poller};
use crate::reconcile::{AuditedWrites, Reconciler};
use crate::store::Store;
use crate::tell::{Dispatcher, Reload};
use crate::web::{App, Parts};

/// A daemon that does not run yet. [`super::run`] starts its parts.
pub struct Daemon {
    pub(super) config_path: PathBuf,
    pub(super) config: watch::Sender<Arc<Config>>,
    pub(super) plans: watch::Sender<Arc<Plan>>,
    pub(super) poller: Poller,
    pub(super) reconciler: Reconciler,
    pub(super) app: App,
    pub(super) listeners: Listeners,
    pub(super) dispatcher: Dispatcher,
    pub(super) destinations: Reload,
    pub(super) writer: Heartbeat,
    pub(super) scheduler: Heartbeat,
    pub(super) shutdown: CancellationToken,
}

impl Daemon {
    /// Opens the database (and migrates it), takes over or binds the sockets, and puts the parts together. The database comes
    /// first, so that a second daemon reports the first one and not an address in use.
    ///
    /// `shutdown` stops the daemon that is built, and also a migration that is under way.
    ///
    /// # Errors
    /// If `shutdown` is cancelled meanwhile, the database can't be opened, an address can't be bound, or other machines could use
    /// the API without a token. The text says what to do.
    pub async fn build(
        loaded: Loaded,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let config = loaded.config;
        let metrics = Metrics::new();
        let writer = Heartbeat::new("writer");
        let store = open(&config, &metrics, &writer, &shutdown).await?;
        let listeners = listeners(&config.server)?;
        listeners.guarded(&config)?;
        let note_key = store.write(|tx| tx.note_key()).await?;
        let now = clock.now();
        store.write(move |tx| tx.interrupt_imports(now)).await?;
        let reconciler = Reconciler::new(
            store.clone(),
            clock.clone(),
            note_key,
            policy(&config),
            Arc::new(metrics.clone()),
        );
        let (dispatcher, destinations) = Dispatcher::new(
            store.clone(),
            clock.clone(),
            destinations(&config),
            Arc::new(metrics.clone()),
        );
        let config = Arc::new(config);
        let (plans, plans_in_force) = watch::channel(Arc::new(plan(&config, &clock)?));
        let (config, in_force) = watch::channel(config);
        let (poll_trouble, trouble) = watch::channel(None);
        let scheduler = Heartbeat::new("scheduler");
        let beat = scheduler.clone();
        let poller = Poller::new(
            reconciler.clone(),
            clock.clone(),
            store.wakes().poll.clone(),
            plans_in_force.clone(),
            metrics.clone(),
            poll_trouble,
            Box::new(move || beat.beat()),
        );
        let app = App::new(Parts {
            store: store.for_api(),
            writes: AuditedWrites::new(reconciler.clone()),
            intake: Intake::new(reconciler.clone()),
            clock,
            config: in_force,
            metrics,
            poll_trouble: trouble,
            plans: plans_in_force,
            shutdown: shutdown.clone(),
        });
        Ok(Self {
            config_path: loaded.path,
            config,
            plans,
            poller,
            reconciler,
            app,
            listeners,
            dispatcher,
            destinations,
            writer,
            scheduler,
            shutdown,
        })
    }
}

/// Opening blocks: a migration may take minutes.
async fn open(
    config: &Config,
    metrics: &Metrics,
    writer: &Heartbeat,
    shutdown: &CancellationToken,
) -> anyhow::Result<Store> {
    let path = config.database.path.clone();
    let observer = Arc::new(WriterObserver {
        metrics: metrics.clone(),
        heartbeat: writer.clone(),
        shutdown: shutdown.clone(),
    });
    Ok(tokio::task::spawn_blocking(move || Store::open(&path, observer)).await??)
}
