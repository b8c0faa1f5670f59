//! Registers the webhooks of one installation with the provider: creates missing ones, replaces wrong ones, removes duplicates.
//!
//! The provider has no call to change a webhook, so a webhook is replaced by creating the new one and then removing the old one. An event
//! that arrives twice is harmless; an event that arrives nowhere is lost. The next run completes an interrupted one.

mod kinds;
mod plan;
#[cfg(test)]
mod tests;
mod wanted;

use kinds::KINDS;
pub use plan::{Action, plan};
pub use wanted::Wanted;

use super::UnipileV1;
use super::webhooks::RegisteredWebhook;
use crate::provider::error::CallError;

/// The most pages of the list of webhooks that are read.
const PAGES_MAX: usize = 100;

/// Reads what is registered and takes every step of the [`plan`]. After each step, `done` is called with the id of the webhook.
///
/// # Errors
/// The first [`CallError`]. The steps before it are done, and running it again does the rest.
pub async fn register(
    client: &UnipileV1,
    wanted: &Wanted,
    mut done: impl FnMut(&Action, &str),
) -> Result<(), CallError> {
    let existing = read_all(client).await?;
    for action in plan(&existing, wanted) {
        match &action {
            Action::Keep { id, .. } => done(&action, id),
            Action::Create { name } => {
                for (its, source, events) in KINDS {
                    if its == *name {
                        let id = client
                            .create_webhook(&wanted.body(name, source, events))
                            .await?;
                        done(&action, &id);
                    }
                }
            }
            Action::Remove { id, .. } => {
                client.delete_webhook(id).await?;
                done(&action, id);
            }
        }
    }
    Ok(())
}

async fn read_all(client: &UnipileV1) -> Result<Vec<RegisteredWebhook>, CallError> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let (mut page, next) = client.webhooks(cursor.as_deref()).await?;
        all.append(&mut page);
        if next.is_none() {
            return Ok(all);
        }
        if next == cursor {
            break;
        }
        cursor = next;
    }
    // An incomplete list must not lead to new webhooks.
    Err(CallError::InvalidResponse(
        "the list of webhooks does not end".to_owned(),
    ))
}
