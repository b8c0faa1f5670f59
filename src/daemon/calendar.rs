//! Wakes the poller and the next steps at fixed times, in UTC. It does nothing else: those that are woken read their work from the
//! database.

use anyhow::Context as _;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::wake::{Wake, Wakes};

/// Wakes the poller at every possible tick, which also notices a clock that was stepped.
const TICK: &str = "0 * * * * *";
/// Wakes the poller when the daily budgets begin anew.
const NEW_DAY: &str = "1 0 0 * * *";

/// Starts the calendar.
///
/// # Errors
/// If the scheduler can't be started.
pub async fn start(wakes: &Wakes) -> anyhow::Result<JobScheduler> {
    let calendar = JobScheduler::new()
        .await
        .context("the calendar can't be started")?;
    for (when, wake) in [
        (TICK, &wakes.poll),
        (TICK, &wakes.steps),
        (NEW_DAY, &wakes.poll),
    ] {
        calendar.add(job(when, wake)?).await?;
    }
    calendar.start().await?;
    Ok(calendar)
}

fn job(when: &str, wake: &Wake) -> anyhow::Result<Job> {
    let wake = wake.clone();
    Ok(Job::new(when, move |_, _| wake.activate())?)
}
