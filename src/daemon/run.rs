//! The run phase: the parts work until a signal stops them, then drain.

use std::time::Duration;

use anyhow::bail;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::build::Daemon;
use super::listen::{Listeners, Sockets};
use super::signals::{SignalRequest, Signals};
use super::status_line::status_line;
use super::{calendar, housekeeping, leads, memory, reload, steps, systemd, watchdog};
use crate::domain::audit::AuditContext;
use crate::poll::resync;
use crate::reconcile::Reconciler;
use crate::store::Store;
use crate::web::figures::snapshot;
use crate::web::server::{self, Endpoint};
use crate::web::{App, api_router, limits, router, webhook_router};

/// How long requests and deliveries in flight may take at a stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long the parts may take to end at a stop. They cut off what is in flight after [`DRAIN`].
const PARTS_MAX: Duration = Duration::from_millis(10_500);
/// How long the calendar may take to end.
const CALENDAR_MAX: Duration = Duration::from_millis(500);
/// How long the writer may take to commit what was handed to it.
const FLUSH_MAX: Duration = Duration::from_millis(500);
/// The interval of the status counter.
const BEAT: Duration = Duration::from_secs(1);
/// The number of beats between two status lines.
const BEATS_PER_STATUS: u32 = 15;

impl Daemon {
    /// Serves until SIGTERM or SIGINT, then drains and returns.
    ///
    /// # Errors
    /// If an fsync failed. The process must then end at once, without touching the database again.
    pub async fn run(self, mut signals: Signals) -> anyhow::Result<()> {
        let app = self.app.clone();
        self.listeners.log();
        let beyond_loopback = self.listeners.api_beyond_loopback();
        let serving = tokio::spawn(server::serve(
            endpoints(self.listeners, &app),
            app.metrics.clone(),
            DRAIN,
            self.shutdown.clone(),
        ));
        let sending = tokio::spawn(self.dispatcher.run(self.shutdown.clone()));
        let polling = tokio::spawn(self.poller.run(self.shutdown.clone()));
        let mut calendar = calendar::start(self.reconciler.store().wakes()).await?;
        let leads = leads::run(
            self.config.subscribe(),
            self.reconciler.clone(),
            app.clock.clone(),
            app.metrics.clone(),
        );
        let hearts = vec![self.writer, self.scheduler];
        let _background = background(&app, &self.reconciler, leads, hearts, &self.shutdown);

        systemd::ready(&status(&app).await);
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
        let mut fatal = app.store.fatal();
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beat = 0_u32;
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    SignalRequest::Stop => break,
                    SignalRequest::Reload => {
                        systemd::reloading();
                        let reload = reload::reload(&self.config_path, beyond_loopback, &self.config, &app, &self.reconciler, &self.destinations, &self.plans);
                        // A stop interrupts the reload. Other signals wait for it.
                        tokio::select! {
                            news = reload => systemd::ready(&news),
                            () = signals.stop() => break,
                        }
                    }
                    SignalRequest::ResyncAll => {
                        tracing::info!("SIGUSR1: polling every account");
                        let asked = app.clone();
                        tokio::spawn(async move { resync_all(&asked).await });
                    }
                },
                Ok(()) = fatal.changed() => {
                    let why = fatal.borrow().clone().unwrap_or_default();
                    bail!("{why}");
                }
                _ = beats.tick() => {
                    beat = beat.wrapping_add(1);
                    if beat.is_multiple_of(BEATS_PER_STATUS) {
                        let app = app.clone();
                        tokio::spawn(async move { systemd::status(&status(&app).await) });
                    }
                }
            }
        }
        tracing::info!("stopping: finishing requests and deliveries in flight");
        systemd::stopping();
        let until = Instant::now() + PARTS_MAX;
        self.shutdown.cancel();
        match timeout(CALENDAR_MAX, calendar.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the calendar did not stop by itself"),
            Err(_) => tracing::debug!("the calendar did not stop in time"),
        }
        for (name, part) in [("web", serving), ("tell", sending), ("poll", polling)] {
            finish(name, part, until).await;
        }
        flush(self.reconciler.store()).await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Gives every address its routes and its places. A flood at one of two addresses can't take the places of the other.
fn endpoints(listeners: Listeners, app: &App) -> Vec<Endpoint> {
    let connections_max = limits::connections_max();
    let endpoint = |sockets: Sockets, router, connections_max| Endpoint {
        listeners: sockets.sockets,
        router,
        connections_max,
    };
    match listeners.admin {
        None => vec![endpoint(
            listeners.listen,
            router(app.clone()),
            connections_max,
        )],
        Some(admin) => vec![
            endpoint(
                listeners.listen,
                webhook_router(app.clone()),
                connections_max / 2,
            ),
            endpoint(admin, api_router(app.clone()), connections_max / 2),
        ],
    }
}

/// Makes a poll of every account due.
async fn resync_all(app: &App) {
    let context = AuditContext::of_signal("SIGUSR1");
    let asked = resync::request_all_polls(&app.writes, context, app.plan()).await;
    match asked {
        Ok(accounts) => tracing::info!(accounts, "a poll of every account is due"),
        Err(error) => tracing::warn!(%error, "SIGUSR1: polls not requested"),
    }
}

/// Starts the background tasks.
fn background(
    app: &App,
    reconciler: &Reconciler,
    leads: impl Future<Output = ()> + Send + 'static,
    hearts: Vec<watchdog::Heartbeat>,
    shutdown: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let retain = {
        let app = app.clone();
        move || app.config().database.retain_signals
    };
    let housekeeping = housekeeping::run(reconciler.store().clone(), app.clock.clone(), retain);
    let steps = steps::run(
        reconciler.clone(),
        app.clock.clone(),
        reconciler.store().wakes().steps.clone(),
    );
    let stop = shutdown.clone();
    vec![
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = housekeeping => {}
                () = steps => {}
                () = leads => {}
                () = memory::run() => {}
            }
        }),
        // It also runs during the drain.
        tokio::spawn(watchdog::feed(watchdog::timeout(), hearts)),
    ]
}

async fn finish(name: &'static str, part: JoinHandle<()>, until: Instant) {
    match timeout_at(until, part).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(part = name, %error, "a part of the daemon failed"),
        Err(_) => tracing::warn!(part = name, "a part of the daemon did not stop in time"),
    }
}

/// Waits until the writer has committed everything that was handed to it.
async fn flush(store: &Store) {
    match timeout(FLUSH_MAX, store.write(|_| Ok(()))).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "last writes not stored"),
        Err(_) => {
            tracing::warn!("the writer is still busy; uncommitted requests were not acknowledged")
        }
    }
}

async fn status(app: &App) -> String {
    let now = app.clock.now();
    let writable = app.store.fatal().borrow().is_none();
    let next = app.store.view(|r| r.next_poll_due()).await;
    match snapshot(&app.store, &app.config(), now, writable).await {
        Ok(state) => status_line(&state, next.unwrap_or_default(), now),
        Err(error) => format!("the database can't be read: {error}"),
    }
}
