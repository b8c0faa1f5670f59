//! SIGHUP: a new configuration takes effect without dropping anything, or the running one stays.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::destinations::destinations;
use super::listen::guarded;
use super::plan::plan;
use super::policy::policy;
use crate::config::{self, Config, Loaded};
use crate::domain::audit::AuditContext;
use crate::poll::Plan;
use crate::reconcile::Reconciler;
use crate::tell::Reload;
use crate::web::App;

/// Reads the file again and puts it in force. `beyond_loopback` says whether other machines can reach the API of the running
/// daemon, whatever the file says about addresses. Returns the status line on the result.
pub async fn reload(
    path: &Path,
    beyond_loopback: bool,
    running: &watch::Sender<Arc<Config>>,
    app: &App,
    reconciler: &Reconciler,
    outbox: &Reload,
    plans: &watch::Sender<Arc<Plan>>,
) -> String {
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || config::load(&file)).await;
    let Loaded {
        mut config,
        warnings,
        ..
    } = match read {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(errors)) => {
            tracing::error!("the configuration was not reloaded, the running one stays: {errors}");
            return "The configuration file has errors (see the journal); the previous one stays in force.".to_owned();
        }
        Err(error) => {
            tracing::error!(%error, "the configuration could not be read, the running one stays");
            return "The configuration file could not be read; the previous one stays in force."
                .to_owned();
        }
    };
    if let Err(error) = guarded(beyond_loopback, &config) {
        tracing::error!("the configuration was not reloaded, the running one stays: {error}");
        return "The configuration file would open the API to everybody; the previous one stays in force.".to_owned();
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    keep_what_cannot_change(&mut config, &running.borrow());
    let config = Arc::new(config);
    let polling = match plan(&config, &app.clock) {
        Ok(polling) => polling,
        Err(error) => {
            tracing::error!(%error, "the configuration was not reloaded, the running one stays");
            return "The provider's address can't be used; the previous configuration stays in force.".to_owned();
        }
    };
    // In this order: what is routed to a new destination finds it there, and is not taken for that of a removed one.
    outbox.set(destinations(&config));
    reconciler.set_policy(policy(&config));
    plans.send_replace(Arc::new(polling));
    running.send_replace(config);
    let wakes = reconciler.store().wakes();
    wakes.poll.activate();
    wakes.steps.activate();
    tracing::info!("reloaded the configuration");
    let recorded = app.writes.record(AuditContext::of_signal("SIGHUP")).await;
    if let Err(error) = recorded {
        tracing::error!(%error, "the reload could not be recorded in the audit trail");
    }
    "Reloaded the configuration.".to_owned()
}

fn keep_what_cannot_change(config: &mut Config, running: &Config) {
    if config.server.listen != running.server.listen {
        tracing::warn!(
            running = %running.server.listen,
            file = %config.server.listen,
            "server.listen can't change while the daemon runs: restart it"
        );
        config.server.listen = running.server.listen;
    }
    if config.server.admin_listen != running.server.admin_listen {
        let shown = |address: Option<SocketAddr>| {
            address.map_or_else(|| "none".to_owned(), |address| address.to_string())
        };
        tracing::warn!(
            running = shown(running.server.admin_listen),
            file = shown(config.server.admin_listen),
            "server.admin_listen can't change while the daemon runs: restart it"
        );
        config.server.admin_listen = running.server.admin_listen;
    }
    if config.database.path != running.database.path {
        tracing::warn!(
            running = %running.database.path.display(),
            file = %config.database.path.display(),
            "database.path can't change while the daemon runs: restart it"
        );
        config.database.path = running.database.path.clone();
    }
}
