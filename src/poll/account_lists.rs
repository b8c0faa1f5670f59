//! Reads the providers' account lists: at start, once a day, and when the configuration changes. A list tells to which API an account
//! belongs, its name and its health. Reading it is no call for an account, so it takes a turn of the rate limit but no permit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::call::{Context, Plans};
use crate::provider::answers::{ListedAccount, ListedHealth};
use crate::provider::{CallError, Client};
use crate::reconcile::Listed;
use crate::store::Error;

/// How often a list is read.
const EVERY: Duration = Duration::from_secs(24 * 3_600);
/// How long a list that could not be read is left alone.
const RETRY: Duration = Duration::from_secs(3_600);
/// The most pages that are read of a list.
const PAGES_MAX: usize = 1_000;
/// The most accounts that one transaction takes over.
const BATCH: usize = 500;

/// Why a list was not taken over.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// Reads the lists until the shutdown. `read_once` becomes true after the first attempt.
pub(super) async fn run(
    cx: Arc<Context>,
    mut plans: Plans,
    read_once: watch::Sender<bool>,
    shutdown: CancellationToken,
) {
    let mut known = HashSet::new();
    loop {
        let clients: Vec<Client> = plans.borrow_and_update().clients.iter().cloned().collect();
        known.retain(|fingerprint| {
            clients
                .iter()
                .any(|client| client.key_fingerprint == *fingerprint)
        });
        let mut wait = EVERY;
        for client in &clients {
            let read = tokio::select! {
                () = shutdown.cancelled() => return,
                read = take_over(&cx, client) => read,
            };
            let provider = client.api.provider();
            match read {
                Ok(accounts) => {
                    tracing::info!(%provider, accounts, "account list read");
                    known.insert(client.key_fingerprint.clone());
                }
                Err(error) => {
                    tracing::warn!(%provider, %error, "can't read the account list, what is known stays");
                    wait = RETRY;
                }
            }
        }
        read_once.send_replace(true);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = cx.clock.sleep(wait) => break,
                changed = plans.changed() => if changed.is_err() { return },
            }
            // Other settings than the key and the address do not matter here.
            let plan = plans.borrow_and_update().clone();
            if plan
                .clients
                .iter()
                .any(|client| !known.contains(&client.key_fingerprint))
            {
                break;
            }
        }
    }
}

/// Reads one list whole and takes it over. Returns the number of accounts.
async fn take_over(cx: &Context, client: &Client) -> Result<usize, ListError> {
    let asked_at = cx.clock.now();
    let accounts = read_all(cx, client).await?;
    let provider = client.api.provider();
    for batch in accounts.chunks(BATCH) {
        let batch: Vec<Listed> = batch
            .iter()
            .cloned()
            .map(|account| Listed {
                account: account.id,
                provider,
                name: account.name,
                health: match account.health {
                    ListedHealth::Healthy => Some(Ok(())),
                    ListedHealth::Unhealthy(reason) => Some(Err(reason)),
                    ListedHealth::Unknown => None,
                },
                formerly: account.formerly,
                locked: account.locked,
                asked_at,
            })
            .collect();
        cx.reconciler
            .run(move |routine| {
                for listed in &batch {
                    routine.account_listed(listed)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(accounts.len())
}

async fn read_all(cx: &Context, client: &Client) -> Result<Vec<ListedAccount>, CallError> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let _turn = cx.rate.turn().await;
        let answer = client.api.accounts(cursor.as_deref()).await;
        let result = answer
            .as_ref()
            .map_or_else(CallError::result_label, |_| "ok");
        cx.metrics.provider_call("accounts", result);
        let mut page = answer?.value;
        all.append(&mut page.items);
        match page.cursor {
            None => return Ok(all),
            next if next == cursor => break,
            next => cursor = next,
        }
    }
    Err(CallError::InvalidResponse(
        "the account list does not end".to_owned(),
    ))
}
