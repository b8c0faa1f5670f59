//! The rate of calls for one key, over all accounts: a restart with ten thousand accounts must not be a burst.
//!
//! The pacer's floor is on disk and is per account; this one is in memory and measured by time that really went by.

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

/// Turns at once after a pause.
const BURST: NonZeroU32 = match NonZeroU32::new(19) {
    Some(n) => n,
    None => NonZeroU32::MIN,
};

/// The turn of one call; spent by making it.
#[derive(Debug)]
pub(super) struct Turn(());

/// The turns of all calls.
pub(super) struct Rate {
    limiter: RateLimiter<NotKeyed, InMemoryState, Steady, NoOpMiddleware<Duration>>,
    steady: Steady,
}

/// What the limiter measures by.
#[derive(Clone)]
struct Steady(Clock);

impl governor::clock::Clock for Steady {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.steady()
    }
}

impl Rate {
    pub fn new(clock: Clock) -> Self {
        let steady = Steady(clock);
        // One turn less at once: the poller may hold one that it took before and found no call for.
        let quota = Quota::per_second(CALLS_PER_SECOND).allow_burst(BURST);
        Self {
            limiter: RateLimiter::direct_with_clock(quota, steady.clone()),
            steady,
        }
    }

    /// Waits for the next turn and takes it. Dropped while it waits, it takes none. A turn comes before the permit: nothing waits for
    /// its turn with a permit in its hands.
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
    async fn no_second_sees_more_calls_than_the_rate_after_the_first_burst() {
        let clock = Clock::by_hand(Timestamp(1_790_000_000_000));
        let rate = Rate::new(clock.clone());
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
