//! From a webhook to the receiver: how many a second, and whether one hanging destination delays the others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Options;
use crate::accepts::settle;
use crate::ceilings::Limits;
use crate::client::{Requests, closed_loop, open_loop};
use crate::daemon::{Daemon, accepts, destination};
use crate::receiver::Receiver;
use crate::report::{Latencies, Report, millis};

/// Destinations of the measurement of isolation.
const DESTINATIONS: usize = 10;
/// Accepts a second of the measurement of isolation.
const ISOLATION_PER_SECOND: f64 = 50.0;

/// Events a second from the first webhook until the last one was received by one destination.
pub async fn throughput(
    options: &Options,
    limits: &Limits,
    report: &mut Report,
) -> anyhow::Result<()> {
    report.chapter("End to end, one destination");
    let receiver = Receiver::start().await?;
    let daemon = Daemon::start(&destination(
        "crm",
        &receiver.url("/crm"),
        options.concurrency,
    ))?;
    let count = options.accepts;
    let warm = 200;
    daemon
        .enroll(0..options.enrollments.max(count + warm))
        .await?;
    closed_loop(daemon.addr, 0..warm, options.connections, &accepts()).await?;
    receiver.wait_for(warm).await?;
    settle().await;
    let cpu = daemon.cpu()?;
    let began = Instant::now();
    closed_loop(
        daemon.addr,
        warm..warm + count,
        options.connections,
        &accepts(),
    )
    .await?;
    let acknowledged = began.elapsed();
    receiver.wait_for(warm + count).await?;
    let received = began.elapsed();
    let cpu = daemon.cpu()? - cpu;
    let per_second = count as f64 / received.as_secs_f64();
    let ratio = per_second / limits.end_to_end();
    report.rate(
        "webhook to received",
        per_second,
        &format!("{ratio:.3} of C_e2e"),
    );
    report.rate(
        "acknowledged meanwhile",
        count as f64 / acknowledged.as_secs_f64(),
        "",
    );
    report.line(
        "CPU per accept and delivery",
        &format!("{:.3} ms", millis(cpu) / count as f64),
        "of the daemon",
    );
    Ok(())
}

/// Compares the time from webhook to receiver of nine destinations when the tenth answers and when it hangs.
pub async fn isolation(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.chapter("From webhook to received, ten destinations");
    let mut p99 = Vec::new();
    for (name, tenth) in [("all answer", "/d9"), ("one hangs", "/hang")] {
        let receiver = Receiver::start().await?;
        let destinations: String = (0..DESTINATIONS)
            .map(|n| {
                let path = if n == DESTINATIONS - 1 {
                    tenth.to_owned()
                } else {
                    format!("/d{n}")
                };
                destination(&format!("d{n}"), &receiver.url(&path), 4)
            })
            .collect();
        let daemon = Daemon::start(&destinations)?;
        let count = (ISOLATION_PER_SECOND * options.latency.as_secs_f64()) as u64;
        let warm = 20;
        daemon.enroll(0..count + warm).await?;
        closed_loop(daemon.addr, 0..warm, 4, &accepts()).await?;
        settle().await;
        let sent = Arc::new(Mutex::new(vec![None; (count + warm) as usize]));
        let noting: Requests = {
            let (sent, make) = (sent.clone(), accepts());
            Arc::new(move |n| {
                let request = make(n);
                let due = Instant::now() + Duration::from_secs_f64(0.0);
                sent.lock().unwrap_or_else(PoisonError::into_inner)[n as usize] = Some(due);
                request
            })
        };
        let began = Instant::now();
        open_loop(
            daemon.addr,
            warm..warm + count,
            4,
            &noting,
            ISOLATION_PER_SECOND,
        )
        .await?;
        let answering = if tenth == "/hang" {
            DESTINATIONS - 1
        } else {
            DESTINATIONS
        } as u64;
        receiver.wait_for((warm + count) * answering).await?;
        let spacing = 1.0 / ISOLATION_PER_SECOND;
        let mut latencies = Vec::new();
        for n in warm..warm + count {
            let due = began + Duration::from_secs_f64(spacing * (n - warm) as f64);
            for path in (0..DESTINATIONS - 1).map(|d| format!("/d{d}")) {
                latencies.extend(
                    receiver
                        .received_at(&path, n)
                        .map(|at| at.saturating_duration_since(due)),
                );
            }
        }
        let latencies = Latencies::new(latencies);
        report.latencies(name, &latencies);
        p99.push(millis(latencies.percentile(0.99)));
    }
    if let [answering, hanging] = p99[..] {
        report.line(
            "p99 with one hanging against none",
            &format!("{:.2}x", hanging / answering),
            "",
        );
    }
    Ok(())
}
