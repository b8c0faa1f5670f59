//! When the next attempt is due (contract section 7). Pure: the time and the dice are given.

use std::time::Duration;

use super::destination::InDoubt;
use super::verdict::Verdict;
use crate::domain::time::Timestamp;

/// The wait after the first attempt, the second, and so on; after one more attempt the delivery is dead.
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

/// Jitter only lengthens a wait, by up to this part of it: deliveries that failed together come back apart, none early.
const JITTER_PART: f64 = 0.1;

/// No delivery is planned further ahead: `Retry-After` is cut to a day as well.
pub const WAIT_MAX: Duration = Duration::from_secs(24 * 3600 + 24 * 360);

/// What becomes of a delivery. The texts become `lastError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Done.
    Delivered,
    /// Pending again.
    RetryAt {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Given up.
    Dead {
        /// Why.
        reason: String,
    },
    /// Left for a person.
    Held {
        /// Why.
        reason: String,
    },
    /// Stays pending, and its destination stops.
    Stop {
        /// Why.
        reason: String,
    },
}

/// What follows from a verdict. `attempts_made` counts the attempt that was just judged, so it is at least 1; `dice` is a random
/// number from 0 up to 1.
#[must_use]
pub fn next(
    attempts_made: u32,
    verdict: Verdict,
    in_doubt: InDoubt,
    now: Timestamp,
    dice: f64,
) -> Next {
    match verdict {
        Verdict::Delivered => Next::Delivered,
        Verdict::Dead { reason } => Next::Dead { reason },
        Verdict::Gone { reason } => Next::Stop { reason },
        Verdict::InDoubt { reason } if in_doubt == InDoubt::Hold => Next::Held {
            reason: format!(
                "In doubt, the receiver may have it: {reason}. Replay it if it is missing there"
            ),
        },
        Verdict::InDoubt { reason } => scheduled(attempts_made, None, reason, now, dice),
        Verdict::Retry { at, reason } => scheduled(attempts_made, at, reason, now, dice),
    }
}

fn scheduled(
    attempts_made: u32,
    at: Option<Timestamp>,
    reason: String,
    now: Timestamp,
    dice: f64,
) -> Next {
    let index = usize::try_from(attempts_made.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(wait) = SCHEDULE.get(index) else {
        return Next::Dead {
            reason: format!("Given up after {attempts_made} attempts: {reason}"),
        };
    };
    Next::RetryAt {
        at: at.unwrap_or_else(|| now.plus(wait.mul_f64(1.0 + JITTER_PART * dice.clamp(0.0, 1.0)))),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_777_734_846_000);

    fn retry(at: Option<Timestamp>) -> Verdict {
        Verdict::Retry {
            at,
            reason: "no".into(),
        }
    }

    #[test]
    fn the_schedule_of_the_contract() {
        let seconds: Vec<_> = SCHEDULE.iter().map(Duration::as_secs).collect();
        assert_eq!(
            seconds,
            [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
        );
        for made in 1..=9_u32 {
            assert_eq!(
                next(made, retry(None), InDoubt::Resend, NOW, 0.0),
                Next::RetryAt {
                    at: NOW.plus(SCHEDULE[made as usize - 1]),
                    reason: "no".into()
                }
            );
        }
        assert!(matches!(
            next(10, retry(None), InDoubt::Resend, NOW, 0.0),
            Next::Dead { reason } if reason == "Given up after 10 attempts: no"
        ));
    }

    #[test]
    fn in_doubt_goes_by_the_destination() {
        let doubt = || Verdict::InDoubt {
            reason: "cut".into(),
        };
        assert!(matches!(
            next(1, doubt(), InDoubt::Hold, NOW, 0.5),
            Next::Held { .. }
        ));
        assert!(matches!(
            next(1, doubt(), InDoubt::Resend, NOW, 0.5),
            Next::RetryAt { .. }
        ));
        assert!(matches!(
            next(10, doubt(), InDoubt::Resend, NOW, 0.5),
            Next::Dead { .. }
        ));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_short_and_never_a_tenth_too_long(made in 1..=9_u32, dice in 0.0..1.0_f64) {
            let Next::RetryAt { at, .. } = next(made, retry(None), InDoubt::Hold, NOW, dice) else {
                return Err(TestCaseError::fail("not retried"));
            };
            let wait = SCHEDULE[made as usize - 1];
            prop_assert!(at >= NOW.plus(wait) && at <= NOW.plus(wait.mul_f64(1.1)));
            prop_assert!(at <= NOW.plus(WAIT_MAX));
        }

        #[test]
        fn retry_after_is_exact_and_counts(made in 0..20_u32, ahead in 0..86_400_000_i64, dice in any::<f64>()) {
            let then = Timestamp(NOW.0 + ahead);
            match next(made, retry(Some(then)), InDoubt::Resend, NOW, dice) {
                Next::RetryAt { at, .. } => prop_assert!(at == then && made <= 9),
                other => {
                    let dead = matches!(other, Next::Dead { .. });
                    prop_assert!(dead && made > 9);
                }
            }
        }
    }
}
