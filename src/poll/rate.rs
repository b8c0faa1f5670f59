//! The rate limit of all calls together: a restart with ten thousand accounts must not cause a burst.
//!
//! The pacer's limits are on disk and per account. This one is in memory and uses the monotonic clock.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

/// Calls per second.
const CALLS_PER_SECOND: NonZeroU32 = match NonZeroU32::new(20) {
    Some(n) => n,
    None => NonZeroU32::MIN,
};

/// The most calls at once after a pause.
const BURST: NonZeroU32 = match NonZeroU32::new(19) {
    Some(n) => n,
    None => NonZeroU32::MIN,
};

/// The right to make one call under the rate limit. Making the call consumes it.
#[derive(Debug)]
pub(super) struct Turn(());

/// The rate limit of all calls.
pub(super) struct CallRate {
    limiter: RateLimiter<NotKeyed, InMemoryState, Steady, NoOpMiddleware<Duration>>,
    steady: Steady,
}

/// The monotonic clock, for the limiter.
#[derive(Clone)]
struct Steady(Clock);

impl governor::clock::Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.steady()
    }
}

impl CallRate {
    pub fn new(clock: Clock) -> Self {
        let steady = Steady(clock);
        // One below the rate: the poller may hold an unused turn.
        let quota = Quota::per_second(CALLS_PER_SECOND).allow_burst(BURST);
        Self {
            limiter: RateLimiter::direct_with_clock(quota, steady.clone()),
            steady,
        }
    }

    /// Waits for the next turn and takes it. A cancelled wait takes none. A turn is taken before the permit, so that no permit waits.
    pub async fn turn(&self) -> Turn {
        while let Err(early) = self.limiter.check() {
            let wait = early.wait_time_from(self.steady.now());
            self.steady.0.sleep(wait).await;
        }
        Turn(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::domain::time::Timestamp;

    #[tokio::test]
    async fn no_second_has_more_calls_than_the_rate_after_the_burst() {
        let clock = Clock::by_hand(Timestamp(1_790_000_000_000));
        let rate = CallRate::new(clock.clone());
        let turns = || {
            std::iter::repeat_with(|| rate.turn().now_or_never())
                .take_while(Option::is_some)
                .count()
        };
        assert_eq!(turns(), 19, "a burst");
        clock.set(Timestamp(1_890_000_000_000));
        assert_eq!(turns(), 0, "a step of the clock is no time");
        for _ in 0..5 {
            clock.advance(Duration::from_millis(500));
            assert_eq!(turns(), 10);
        }
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(turns(), 19);
    }
}
