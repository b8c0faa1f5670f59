//! The one way to wait for a database that can't be used.

use std::future::Future;
use std::time::Duration;

use super::Error;
use crate::clock::Clock;

/// The pause between two attempts.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How many failures lie between two log lines of one wait: a line a minute.
const FAILURES_PER_LINE: u32 = 60;

/// Repeats `attempt` until it succeeds, with a pause of [`RETRY_PAUSE`] on `clock` between two attempts. Ends early only if it is
/// dropped.
///
/// `work` names what waits, and `subject` the account or destination that it concerns, if there is one. Both are for the log. To give
/// up at some errors, return them inside the `Ok` of `attempt`.
pub async fn retry_until_ok<T, F: Future<Output = Result<T, Error>>>(
    clock: &Clock,
    work: &'static str,
    subject: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let mut retry = Retry::new(clock, work, subject);
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(error) => retry.pause(&error).await,
        }
    }
}

/// The pauses and log lines of [`retry_until_ok`], for an attempt that borrows mutably and so can't be a closure.
pub struct Retry<'a> {
    clock: &'a Clock,
    work: &'static str,
    subject: &'a str,
    failures: u32,
}

impl<'a> Retry<'a> {
    /// Begins a wait without failures. See [`retry_until_ok`] for the arguments.
    #[must_use]
    pub fn new(clock: &'a Clock, work: &'static str, subject: &'a str) -> Self {
        Self {
            clock,
            work,
            subject,
            failures: 0,
        }
    }

    /// Logs a failed attempt and waits until the next one.
    pub async fn pause(&mut self, error: &Error) {
        let Self { work, subject, .. } = *self;
        if self.failures.is_multiple_of(FAILURES_PER_LINE) {
            let failures = self.failures;
            tracing::warn!(work, subject, failures, %error, "database can't be used, retrying");
        }
        self.failures = self.failures.saturating_add(1);
        self.clock.sleep(RETRY_PAUSE).await;
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        if self.failures > 0 {
            let Self {
                work,
                subject,
                failures,
                ..
            } = *self;
            tracing::info!(
                work,
                subject,
                failures,
                "no longer waiting for the database"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::domain::time::Timestamp;

    #[tokio::test]
    async fn every_attempt_waits_for_the_clock() {
        let clock = Clock::by_hand(Timestamp(0));
        let attempts = AtomicU32::new(0);
        let retry = retry_until_ok(&clock, "test", "", || async {
            match attempts.fetch_add(1, Ordering::Relaxed) {
                2 => Ok("done"),
                _ => Err(Error::Unavailable("disk full".to_owned())),
            }
        });
        tokio::pin!(retry);
        for made in 1..3 {
            assert!(futures_util::poll!(&mut retry).is_pending());
            clock.advance(RETRY_PAUSE / 2);
            assert!(futures_util::poll!(&mut retry).is_pending());
            assert_eq!(attempts.load(Ordering::Relaxed), made);
            clock.advance(RETRY_PAUSE / 2);
        }
        assert_eq!(retry.await, "done");
    }
}
