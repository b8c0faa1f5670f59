//! Sends what is due after an accept, or because there was none, when its time comes: next steps and reports on open invites (see
//! docs/rules/next-steps.md). The work is read from the database, so a restart loses none of it.

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::reconcile::Reconciler;
use crate::store::{Error, OpenScope, retry_until_ok};
use crate::wake::Wake;

/// How many enrollments one transaction handles, so that a webhook never waits long for the writer.
const BATCH: u32 = 100;
/// Does what is due, then sleeps until something else is due or `wake` is activated. Never returns.
pub async fn run(reconciler: Reconciler, clock: Clock, wake: Wake) {
    loop {
        let next = retry_until_ok(&clock, "next steps", "", || async {
            run_due(&reconciler, &clock).await
        })
        .await;
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

/// Does everything that is due now, in several transactions. Returns when something else will be due.
pub async fn run_due(reconciler: &Reconciler, clock: &Clock) -> Result<Option<Timestamp>, Error> {
    let full = usize::try_from(BATCH).unwrap_or(usize::MAX);
    while reconciler.run(|r| r.send_due_steps(BATCH)).await? >= full {}
    while reconciler.run(|r| r.report_open_invites(BATCH)).await? >= full {}
    let scope = OpenScope {
        since: clock.now().minus(reconciler.policy().horizon),
    };
    reconciler.store().read(move |r| r.next_due(scope)).await
}
