//! Showing that the loop is alive while it waits for somebody who may be busy.

use std::future::Future;
use std::time::Duration;

/// Waits for `work` and calls `beat` every `breath` meanwhile. The database may be busy for a while without anything being stuck. After
/// `patience` it beats no more: then something is.
pub(super) async fn while_alive<F: Future>(
    beat: &(dyn Fn() + Send + Sync),
    breath: Duration,
    patience: Duration,
    work: F,
) -> F::Output {
    tokio::pin!(work);
    let stuck = tokio::time::Instant::now() + patience;
    let mut breaths = tokio::time::interval(breath);
    loop {
        tokio::select! {
            done = &mut work => return done,
            now = breaths.tick() => if now < stuck { beat() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const BREATH: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn it_beats_as_long_as_the_work_takes() {
        let (beats, enough) = (AtomicU32::new(0), Notify::new());
        let beat = || {
            if beats.fetch_add(1, Ordering::Relaxed) == 3 {
                enough.notify_one();
            }
        };
        // Without a beat the work would never be done.
        while_alive(&beat, BREATH, Duration::from_secs(60), enough.notified()).await;
    }

    #[tokio::test]
    async fn work_that_never_ends_is_stuck() {
        let beats = AtomicU32::new(0);
        let beat = || {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        let stuck = while_alive(&beat, BREATH, Duration::ZERO, std::future::pending::<()>());
        let ended = tokio::time::timeout(20 * BREATH, stuck).await;
        assert!(ended.is_err());
        assert_eq!(beats.load(Ordering::Relaxed), 0);
    }
}
