//! Measures the built daemon over real sockets, beside the limits of the machine, and prints ratios.
//!
//! ```text
//! cargo bench --bench load                                # a few minutes
//! cargo bench --bench load -- accepts delivery            # only these chapters
//! cargo bench --bench load -- --enrollments 1000000 scale # a large database
//! cargo bench --bench load -- --soak 1h soak              # an hour
//! ```
//!
//! Absolute numbers depend on the machine and on what else runs there. The load generator, the daemon and the receiver share its
//! cores. Only ratios within one run can be compared. `BENCHMARKS.md` explains the chapters.

mod accepts;
mod ceilings;
mod client;
mod daemon;
mod delivery;
mod receiver;
mod report;
mod scale;
mod soak;

use std::time::Duration;

use clap::Parser;

use crate::report::Report;

/// Measures the daemon beside the limits of the machine.
#[derive(Parser, Clone)]
struct Options {
    /// Chapters to run: ceilings, accepts, latency, delivery, isolation, scale, soak. All but `soak` if none is named.
    chapters: Vec<String>,
    /// Enrollments in the database before the measurement.
    #[arg(long, default_value_t = 20_000)]
    enrollments: u64,
    /// Accepts of each measurement of throughput.
    #[arg(long, default_value_t = 10_000)]
    accepts: u64,
    /// Connections of the load generator.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests in flight to a destination.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Length of each measurement of latency.
    #[arg(long, default_value = "5s", value_parser = duration)]
    latency: Duration,
    /// Length of the chapter `soak`.
    #[arg(long, default_value = "30s", value_parser = duration)]
    soak: Duration,
    /// Another daemon to measure, for example one that was built before a change.
    #[arg(long, env = "ACCEPTD_BIN")]
    daemon: Option<std::path::PathBuf>,
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn duration(text: &str) -> Result<Duration, jiff::Error> {
    let span: jiff::SignedDuration = text.parse()?;
    Ok(span.unsigned_abs())
}

impl Options {
    fn runs(&self, chapter: &str) -> bool {
        if self.chapters.is_empty() {
            return chapter != "soak";
        }
        self.chapters.iter().any(|name| name == chapter)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(program) = options.daemon.clone() {
        daemon::set_program(program);
    }
    let mut report = Report::default();
    let limits = ceilings::measure(&options, &mut report).await?;
    if options.runs("accepts") {
        accepts::throughput(&options, &limits, &mut report).await?;
    }
    if options.runs("latency") {
        accepts::latency(&options, &mut report).await?;
    }
    if options.runs("delivery") {
        delivery::throughput(&options, &limits, &mut report).await?;
    }
    if options.runs("isolation") {
        delivery::isolation(&options, &mut report).await?;
    }
    if options.runs("scale") {
        scale::measure(&options, &mut report).await?;
    }
    if options.runs("soak") {
        soak::measure(&options, &mut report).await?;
    }
    Ok(())
}
