//! Decides what follows an attempt: when the next one is due, or that there is none. Pure: the caller passes the time and the random
//! number.

use std::time::Duration;

use super::destination::InDoubt;
use super::verdict::AttemptVerdict;
use crate::domain::time::Timestamp;

/// The waits after the first attempt, the second, and so on. If the attempt after the last wait fails, the delivery is dead.
pub const SCHEDULE: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];

/// The largest part of a wait that jitter adds to it. Jitter spreads the retries of deliveries that failed together.
const JITTER_PART: f64 = 0.1;

/// The longest time that a delivery is planned ahead: the last wait with its jitter. `Retry-After` is limited to a day.
pub const WAIT_MAX: Duration = Duration::from_secs(24 * 3600 + 24 * 360);

/// What becomes of a delivery after an attempt. The reasons are stored as `lastError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterAttempt {
    /// It is delivered.
    Delivered,
    /// It is pending again.
    RetryAt {
        /// Time of the next attempt.
        at: Timestamp,
        /// Reason, for people.
        reason: String,
    },
    /// It is dead.
    Dead {
        /// Reason, for people.
        reason: String,
    },
    /// It is held for a person to decide.
    Held {
        /// Reason, for people.
        reason: String,
    },
    /// It stays pending, and its destination is stopped.
    Stop {
        /// Reason, for people.
        reason: String,
    },
}

/// Decides what follows a verdict. `attempts_made` includes the attempt of the verdict, so it is at least 1. `random` is from 0 up to 1
/// and sets the jitter.
#[must_use]
pub fn after_attempt(
    attempts_made: u32,
    verdict: AttemptVerdict,
    in_doubt: InDoubt,
    now: Timestamp,
    random: f64,
) -> AfterAttempt {
    match verdict {
        AttemptVerdict::Delivered => AfterAttempt::Delivered,
        AttemptVerdict::Dead { reason } => AfterAttempt::Dead { reason },
        AttemptVerdict::Gone { reason } => AfterAttempt::Stop { reason },
        AttemptVerdict::InDoubt { reason } if in_doubt == InDoubt::Hold => AfterAttempt::Held {
            reason: format!(
                "In doubt, the receiver may have it: {reason}. Replay it if it is missing there"
            ),
        },
        AttemptVerdict::InDoubt { reason } => scheduled(attempts_made, None, reason, now, random),
        AttemptVerdict::Retry { at, reason } => scheduled(attempts_made, at, reason, now, random),
    }
}

fn scheduled(
    attempts_made: u32,
    at: Option<Timestamp>,
    reason: String,
    now: Timestamp,
    random: f64,
) -> AfterAttempt {
    let index = usize::try_from(attempts_made.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(wait) = SCHEDULE.get(index) else {
        return AfterAttempt::Dead {
            reason: format!("Given up after {attempts_made} attempts: {reason}"),
        };
    };
    AfterAttempt::RetryAt {
        at: at
            .unwrap_or_else(|| now.plus(wait.mul_f64(1.0 + JITTER_PART * random.clamp(0.0, 1.0)))),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_777_734_846_000);

    fn retry(at: Option<Timestamp>) -> AttemptVerdict {
        AttemptVerdict::Retry {
            at,
            reason: "no".into(),
        }
    }

    #[test]
    fn the_schedule_ends_after_ten_attempts() {
        let seconds: Vec<_> = SCHEDULE.iter().map(Duration::as_secs).collect();
        assert_eq!(
            seconds,
            [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
        );
        for made in 1..=9_u32 {
            assert_eq!(
                after_attempt(made, retry(None), InDoubt::Resend, NOW, 0.0),
                AfterAttempt::RetryAt {
                    at: NOW.plus(SCHEDULE[made as usize - 1]),
                    reason: "no".into()
                }
            );
        }
        assert!(matches!(
            after_attempt(10, retry(None), InDoubt::Resend, NOW, 0.0),
            AfterAttempt::Dead { reason } if reason == "Given up after 10 attempts: no"
        ));
    }

    #[test]
    fn the_destination_decides_what_follows_doubt() {
        let doubt = || AttemptVerdict::InDoubt {
            reason: "cut".into(),
        };
        assert!(matches!(
            after_attempt(1, doubt(), InDoubt::Hold, NOW, 0.5),
            AfterAttempt::Held { .. }
        ));
        assert!(matches!(
            after_attempt(1, doubt(), InDoubt::Resend, NOW, 0.5),
            AfterAttempt::RetryAt { .. }
        ));
        assert!(matches!(
            after_attempt(10, doubt(), InDoubt::Resend, NOW, 0.5),
            AfterAttempt::Dead { .. }
        ));
    }

    proptest! {
        #[test]
        fn jitter_adds_at_most_a_tenth(made in 1..=9_u32, random in 0.0..1.0_f64) {
            let AfterAttempt::RetryAt { at, .. } = after_attempt(made, retry(None), InDoubt::Hold, NOW, random) else {
                return Err(TestCaseError::fail("not retried"));
            };
            let wait = SCHEDULE[made as usize - 1];
            prop_assert!(at >= NOW.plus(wait) && at <= NOW.plus(wait.mul_f64(1.1)));
            prop_assert!(at <= NOW.plus(WAIT_MAX));
        }

        #[test]
        fn retry_after_is_exact_and_counts(made in 0..20_u32, ahead in 0..86_400_000_i64, random in any::<f64>()) {
            let then = Timestamp(NOW.0 + ahead);
            match after_attempt(made, retry(Some(then)), InDoubt::Resend, NOW, random) {
                AfterAttempt::RetryAt { at, .. } => prop_assert!(at == then && made <= 9),
                other => {
                    let dead = matches!(other, AfterAttempt::Dead { .. });
                    prop_assert!(dead && made > 9);
                }
            }
        }
    }
}
