//! What is due after an accept, or in its absence (contract section 12): sends it out when its time comes. What there is to do
//! stands in the database, so nothing is lost over a restart.

use std::time::Duration;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::reconcile::Reconciler;
use crate::store::{Error, OpenScope};
use crate::wake::Wake;

/// How many enrollments one transaction deals with, so that a webhook never waits long for the writer.
const BATCH: u32 = 100;
/// How long it waits when the database can't be used.
const RETRY: Duration = Duration::from_secs(5);

/// Does what is due, then sleeps until something else is or `wake` says look again; for ever.
pub async fn run(reconciler: Reconciler, clock: Clock, wake: Wake) {
    loop {
        let next = match look(&reconciler, &clock).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "next steps can't be looked at; it is tried again");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let due = async {
            match next {
                Some(next) => clock.sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = wake.activated() => {}
        }
    }
}

/// Does everything that is due now. Returns when something else will be.
///
/// # Errors
/// The store's; what was done before stays done.
pub async fn look(reconciler: &Reconciler, clock: &Clock) -> Result<Option<Timestamp>, Error> {
    let full = usize::try_from(BATCH).unwrap_or(usize::MAX);
    while reconciler.run(|r| r.send_due_steps(BATCH)).await? >= full {}
    while reconciler.run(|r| r.report_open_invites(BATCH)).await? >= full {}
    let scope = OpenScope {
        since: clock.now().minus(reconciler.policy().horizon),
    };
    reconciler.store().read(move |r| r.next_due(scope)).await
}
