//! How fast one destination is sent to: its requests are spread evenly, so that no span ever sees more than the rate allows.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::destination::Rate;

/// The turns of one destination. Kept in memory: a restart takes longer than the waits it would forget. Measured on the
/// machine's steady clock, which no test and no operator moves.
pub struct Pace {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Pace {
    /// Turns at this rate, without bursts.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let each = (rate.per / rate.count.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each)
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
            .allow_burst(NonZeroU32::MIN);
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
        }
    }

    /// Waits for the next turn and takes it. Dropped while it waits, it takes none.
    pub async fn turn(&self) {
        while let Err(early) = self.limiter.check() {
            tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn turns_are_spread_evenly() {
        let pace = Pace::new(Rate {
            count: NonZeroU32::new(100).expect("not zero"),
            per: Duration::from_secs(1),
        });
        let begun = Instant::now();
        for _ in 0..6 {
            pace.turn().await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(49));
    }
}
