//! Reports that the loop is alive while it waits.

use std::future::Future;
use std::time::Duration;

/// Waits for `work` and calls `beat` every `interval` meanwhile, because a busy database does not mean that the loop is stuck. After
/// `patience` it stops calling `beat`: then the loop is stuck.
pub(super) async fn with_heartbeat<F: Future>(
    beat: &(dyn Fn() + Send + Sync),
    interval: Duration,
    patience: Duration,
    work: F,
) -> F::Output {
    tokio::pin!(work);
    let stuck = tokio::time::Instant::now() + patience;
    let mut ticks = tokio::time::interval(interval);
    loop {
        tokio::select! {
            done = &mut work => return done,
            now = ticks.tick() => if now < stuck { beat() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn it_beats_as_long_as_the_work_takes() {
        let (beats, enough) = (AtomicU32::new(0), Notify::new());
        let beat = || {
            if beats.fetch_add(1, Ordering::Relaxed) == 3 {
                enough.notify_one();
            }
        };
        // Without a beat the work would never be done.
        with_heartbeat(&beat, INTERVAL, Duration::from_secs(60), enough.notified()).await;
    }

    #[tokio::test]
    async fn work_that_never_ends_is_stuck() {
        let beats = AtomicU32::new(0);
        let beat = || {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        let stuck = with_heartbeat(
            &beat,
            INTERVAL,
            Duration::ZERO,
            std::future::pending::<()>(),
        );
        let ended = tokio::time::timeout(20 * INTERVAL, stuck).await;
        assert!(ended.is_err());
        assert_eq!(beats.load(Ordering::Relaxed), 0);
    }
}
