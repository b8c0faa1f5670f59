//! SendPilot's list of leads is read while its API key is configured. A reload starts the reading anew.

use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{Config, Sendpilot};
use crate::intake::sendpilot::list::LeadList;
use crate::metrics::Metrics;
use crate::provider::leads::LeadsClient;
use crate::reconcile::Reconciler;

/// Reads the list as the configuration in force says. It ends when the daemon does.
pub(super) async fn run(
    mut config: watch::Receiver<Arc<Config>>,
    reconciler: Reconciler,
    clock: Clock,
    metrics: Metrics,
) {
    loop {
        let settings = config.borrow_and_update().sendpilot.clone();
        let list = list(&settings, &reconciler, &clock, &metrics);
        let reading = async {
            match list {
                Some(list) => list.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(reading);
        loop {
            tokio::select! {
                () = &mut reading => {}
                changed = config.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if config.borrow_and_update().sendpilot != settings {
                        break;
                    }
                }
            }
        }
    }
}

fn list(
    settings: &Sendpilot,
    reconciler: &Reconciler,
    clock: &Clock,
    metrics: &Metrics,
) -> Option<LeadList> {
    let base_url = settings.base_url.as_ref()?;
    if !settings.api_key.is_set() {
        return None;
    }
    let key = SecretString::from(settings.api_key.expose().to_owned());
    match LeadsClient::new(base_url, key, clock.clone()) {
        Ok(client) => Some(LeadList {
            client,
            repair_every: settings.repair_every,
            reconciler: reconciler.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
        }),
        Err(error) => {
            tracing::error!(error, "SendPilot's list of leads is not read");
            None
        }
    }
}
