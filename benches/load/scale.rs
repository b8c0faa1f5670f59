//! What grows with the database and what must not: finding people, pages of relations, upserts, start and memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use acceptd::domain::identity::Identity;
use acceptd::sim::ids;
use acceptd::store::{NoObserver, Store};

use crate::Options;
use crate::accepts::settle;
use crate::client::closed_loop;
use crate::daemon::{Daemon, UPSERT_ROWS, accepts};
use crate::report::{Latencies, Report, millis};

/// Look-ups of one measurement.
const LOOKUPS: u64 = 2_000;
/// Accepts of one measurement.
const ACCEPTS: u64 = 1_000;

/// Measures databases of a thousand enrollments, a hundred thousand, and as many as the options say.
pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.chapter("Size of the database");
    let mut sizes = vec![2_000, 100_000];
    sizes.retain(|size| *size < options.enrollments);
    sizes.push(options.enrollments.max(2_000));
    let mut first: Option<(f64, f64)> = None;
    for size in sizes {
        let daemon = Daemon::start("")?;
        let upserts = Latencies::new(daemon.enroll(0..size).await?);
        settle().await;
        let daemon = daemon.restart()?;
        let began = daemon.memory()?;
        let (_, alone) = closed_loop(daemon.addr, 0..ACCEPTS, 1, &accepts()).await?;
        let accept = millis(alone.percentile(0.5));
        report.line(
            &format!("{size} enrollments: upsert of {UPSERT_ROWS} rows"),
            &format!("{:.1} ms", millis(upserts.percentile(0.5))),
            &format!("median; max {:.1} ms", millis(upserts.percentile(1.0))),
        );
        report.line(
            &format!("{size} enrollments: start"),
            &format!("{:.0} ms", millis(daemon.started_in)),
            &format!(
                "memory {:.0} MB, after {ACCEPTS} accepts {:.0} MB",
                began as f64 / f64::from(1 << 20),
                daemon.memory()? as f64 / f64::from(1 << 20)
            ),
        );
        let lookup = millis(lookups(&daemon, size).await?);
        let against = |first: Option<f64>, now: f64| {
            first.map_or_else(String::new, |first| {
                format!("{:.2}x of the smallest", now / first)
            })
        };
        report.line(
            &format!("{size} enrollments: webhook to 200, one connection"),
            &format!("{accept:.3} ms"),
            &against(first.map(|f| f.0), accept),
        );
        report.line(
            &format!("{size} enrollments: find a person"),
            &format!("{lookup:.4} ms"),
            &against(first.map(|f| f.1), lookup),
        );
        first = first.or(Some((accept, lookup)));
    }
    Ok(())
}

/// Stops the daemon, finds people in its database, and returns the mean.
async fn lookups(daemon: &Daemon, size: u64) -> anyhow::Result<Duration> {
    let copy = tempfile::tempdir()?;
    let path = copy.path().join("acceptd.db");
    acceptd::store::backup(&daemon.database(), &path)?;
    let store = Store::open(&path, Arc::new(NoObserver))?;
    let took = store
        .read(move |reader| {
            let began = Instant::now();
            for n in 0..LOOKUPS {
                let person = Identity::from_id(&ids::profile_id(700_000_000 + n * 7919 % size));
                reader.candidates(&person)?;
            }
            Ok(began.elapsed())
        })
        .await?;
    Ok(took / u32::try_from(LOOKUPS)?)
}
