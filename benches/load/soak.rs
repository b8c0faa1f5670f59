//! A steady load for as long as wanted: memory, log and open files must stay flat, and the latency too.

use crate::Options;
use crate::accepts::settle;
use crate::client::open_loop;
use crate::daemon::{Daemon, accepts, destination};
use crate::receiver::Receiver;
use crate::report::Report;

/// Accepts a second.
const PER_SECOND: f64 = 200.0;
/// Measurements, evenly spread.
const PARTS: u64 = 6;

/// Sends 200 accepts a second with one destination, and prints six times what the daemon uses.
pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.chapter("Soak: 200 accepts a second, one destination");
    let receiver = Receiver::start().await?;
    let daemon = Daemon::start(&destination(
        "crm",
        &receiver.url("/crm"),
        options.concurrency,
    ))?;
    let part = ((PER_SECOND * options.soak.as_secs_f64()) as u64).div_ceil(PARTS);
    daemon
        .enroll(0..options.enrollments.max(part * PARTS))
        .await?;
    settle().await;
    for n in 0..PARTS {
        let numbers = n * part..(n + 1) * part;
        let all = open_loop(
            daemon.addr,
            numbers,
            options.connections,
            &accepts(),
            PER_SECOND,
        )
        .await?;
        receiver.wait_for((n + 1) * part).await?;
        let (database, log) = daemon.sizes()?;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        report.latencies(
            &format!(
                "after {} accepts: memory {:.0} MB, log {:.0} MB, database {:.0} MB",
                (n + 1) * part,
                mib(daemon.memory()?),
                mib(log),
                mib(database)
            ),
            &all,
        );
    }
    Ok(())
}
