//! What the configuration says that polling needs to know; swapped as a whole on reload.

use std::time::Duration;

use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;
use crate::provider::Unipile;
use crate::provider::pacer::Pace;
use crate::store::{OpenScope, PollRange};

/// The pace of an account at a time.
pub type PaceOf = Box<dyn Fn(&AccountId, Timestamp) -> Pace + Send + Sync>;
/// The provider that the configuration names for an account.
pub type ProviderOf = Box<dyn Fn(&AccountId) -> Option<Provider> + Send + Sync>;

/// The rules of one configuration.
pub struct Plan {
    /// The provider; `None`: webhook-only.
    pub client: Option<Unipile>,
    /// Tells one key or address from another without holding either: a refused key is not tried again until this changes.
    pub key_fingerprint: String,
    /// The tick.
    pub every: Duration,
    /// Each account is moved by a random part of this, every tick.
    pub jitter: Duration,
    /// Relations asked for in one call.
    pub page_size: u32,
    /// How far before its creation an enrollment without an invite is looked for.
    pub lookback: Duration,
    /// An invite older than this is no longer waited for.
    pub horizon: Duration,
    /// The pace of an account.
    pub pace_of: PaceOf,
    /// The provider that is named for an account.
    pub provider_of: ProviderOf,
}

/// The longest that a first poll, or one that was missed, is moved.
const FIRST_WITHIN: Duration = Duration::from_secs(60);

impl Plan {
    /// Which enrollments are open.
    #[must_use]
    pub fn scope(&self, now: Timestamp) -> OpenScope {
        OpenScope {
            since: now.minus(self.horizon),
        }
    }

    /// How far back enrollments are looked for.
    #[must_use]
    pub fn widths(&self) -> PollRange {
        let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        PollRange {
            lookback_ms: ms(self.lookback),
            horizon_ms: ms(self.horizon),
        }
    }

    /// The first tick after `now`, moved by a random part of the jitter.
    #[must_use]
    pub fn next_tick(&self, now: Timestamp) -> Timestamp {
        let every = i64::try_from(self.every.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        let tick = (now.0.div_euclid(every) + 1).saturating_mul(every);
        Timestamp(tick).plus(self.jitter.mul_f64(rand::random::<f64>()))
    }

    /// When an account is polled first: at once, moved by jitter but by no more than a minute.
    #[must_use]
    pub fn first(&self, now: Timestamp) -> Timestamp {
        now.plus(self.jitter.min(FIRST_WITHIN).mul_f64(rand::random::<f64>()))
    }

    /// The latest time that a tick after `now` can be due.
    #[must_use]
    pub fn latest_tick(&self, now: Timestamp) -> Timestamp {
        now.plus(self.every).plus(self.jitter)
    }
}
