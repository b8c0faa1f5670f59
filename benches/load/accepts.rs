//! Webhooks that stamp: how many a second, at what cost, how fast they are acknowledged.

use std::time::Duration;

use crate::Options;
use crate::ceilings::Limits;
use crate::client::{closed_loop, open_loop};
use crate::daemon::{Daemon, accepts};
use crate::report::{Report, millis};

/// Accepts of the measurement of log bytes: few enough that the log is not copied back meanwhile.
const LOG_ACCEPTS: u64 = 300;

/// Accepts a second through the socket with shared commits and with a commit each, and what an accept costs.
pub async fn throughput(
    options: &Options,
    limits: &Limits,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.chapter("Accepts, durable, no destination");
    let daemon = Daemon::start("")?;
    let singles = options.accepts / 5;
    let count = options.accepts;
    daemon
        .enroll(0..options.enrollments.max(count + singles + LOG_ACCEPTS))
        .await?;
    settle().await;
    let cpu = daemon.cpu()?;
    let (took, _) = closed_loop(daemon.addr, 0..count, options.connections, &accepts()).await?;
    let cpu = daemon.cpu()? - cpu;
    let together = count as f64 / took.as_secs_f64();
    let ratio = together / limits.accepts();
    let connections = options.connections;
    report.rate(
        &format!("{connections} connections"),
        together,
        &format!("{ratio:.3} of C_in"),
    );
    let (took, _) = closed_loop(daemon.addr, count..count + singles, 1, &accepts()).await?;
    let alone = singles as f64 / took.as_secs_f64();
    report.rate("1 connection: a commit each", alone, "");
    report.line(
        "shared commits against single ones",
        &format!("{:.1}x", together / alone),
        "",
    );
    report.line(
        "CPU per accept",
        &format!("{:.3} ms", millis(cpu) / count as f64),
        "of the daemon",
    );
    settle().await;
    let first = count + singles;
    let log = log_bytes(&daemon, first, options.connections).await?;
    let note = format!("at {} enrollments", options.enrollments);
    report.line(
        "log bytes per accept",
        &format!("{:.1} KB", log / 1024.0),
        &note,
    );
    Ok(())
}

/// Bytes of the write-ahead log per accept.
async fn log_bytes(daemon: &Daemon, first: u64, connections: usize) -> anyhow::Result<f64> {
    // The first accepts after a pause begin the log anew.
    let warm = first + 50;
    closed_loop(daemon.addr, first..warm, connections, &accepts()).await?;
    let before = daemon.log()?;
    let end = first + LOG_ACCEPTS;
    closed_loop(daemon.addr, warm..end, connections, &accepts()).await?;
    let after = daemon.log()?;
    anyhow::ensure!(before.0 == after.0, "the log was begun anew meanwhile");
    Ok((after.1 - before.1) as f64 / (end - warm) as f64)
}

/// Latency of acknowledgements at 200 a second, at half of the top and at nine tenths of it.
pub async fn latency(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.chapter("From webhook to 200, no destination");
    let daemon = Daemon::start("")?;
    let seconds = options.latency.as_secs_f64();
    let mut next = 0;
    let mut enrolled = 0;
    let top = options.accepts / 2;
    daemon.enroll(0..options.enrollments.max(top)).await?;
    enrolled = options.enrollments.max(top).max(enrolled);
    settle().await;
    let (took, _) = closed_loop(daemon.addr, 0..top, options.connections, &accepts()).await?;
    next += top;
    let per_second = top as f64 / took.as_secs_f64();
    for (name, rate) in [
        ("at 200/s", 200.0),
        ("at half of the top", per_second * 0.5),
        ("at nine tenths of the top", per_second * 0.9),
    ] {
        let count = (rate * seconds) as u64;
        if next + count > enrolled {
            daemon.enroll(enrolled..next + count).await?;
            enrolled = next + count;
        }
        settle().await;
        let numbers = next..next + count;
        let all = open_loop(daemon.addr, numbers, options.connections, &accepts(), rate).await?;
        next += count;
        report.latencies(&format!("{name} ({rate:.0}/s)"), &all);
    }
    Ok(())
}

/// Lets the daemon finish what it does after a load, such as copying the log.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(1_500)).await;
}
