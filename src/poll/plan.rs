//! The settings that polling needs. A reload replaces them as a whole.

use std::time::Duration;

use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;
use crate::provider::pacer::Pace;
use crate::provider::{Client, Clients};
use crate::store::{Error, OpenScope, PollRange, Reader};

/// Returns the pace of an account at a time.
pub type PaceOf = Box<dyn Fn(&AccountId, Timestamp) -> Pace + Send + Sync>;
/// Returns the provider that the configuration names for an account.
pub type ProviderOf = Box<dyn Fn(&AccountId) -> Option<Provider> + Send + Sync>;

/// Returns whether the configuration has an entry for an id.
pub type IsNamed = Box<dyn Fn(&AccountId) -> bool + Send + Sync>;

/// The polling settings of one configuration.
pub struct Plan {
    /// The configured APIs.
    pub clients: Clients,
    /// The time between two ticks.
    pub every: Duration,
    /// The upper limit of the random delay of each tick and account.
    pub jitter: Duration,
    /// The number of relations in a page.
    pub page_size: u32,
    /// How far before its creation an enrollment without an invite is searched for.
    pub lookback: Duration,
    /// An invite older than this is no longer waited for.
    pub horizon: Duration,
    /// The pace of each account.
    pub pace_of: PaceOf,
    /// The configured provider of each account.
    pub provider_of: ProviderOf,
    /// Whether the configuration has an entry for an id.
    pub is_named: IsNamed,
    /// The other ids of accounts that the configuration names: the account and its other id.
    pub formerly: Vec<(AccountId, AccountId)>,
}

/// The longest random delay of a first or missed poll.
const FIRST_WITHIN: Duration = Duration::from_secs(60);

impl Plan {
    /// Returns the id by which the configuration knows an account: the first of its ids that has an entry, else the canonical one.
    pub fn settings_id(
        &self,
        reader: &Reader<'_>,
        account: &AccountId,
    ) -> Result<AccountId, Error> {
        let mut ids = reader.account_ids(account)?;
        let named = ids.iter().position(|id| (self.is_named)(id));
        Ok(ids.swap_remove(named.unwrap_or(0)))
    }

    /// Returns the provider of an account: the configured one, else the `stored` one.
    #[must_use]
    pub fn provider(&self, account: &AccountId, stored: Provider) -> Provider {
        (self.provider_of)(account).unwrap_or(stored)
    }

    /// Returns the API that serves an account, or `None` if it is never called.
    #[must_use]
    pub fn client(&self, account: &AccountId, stored: Provider) -> Option<&Client> {
        self.clients.serving(self.provider(account, stored))
    }

    /// Returns the condition for open enrollments.
    #[must_use]
    pub fn scope(&self, now: Timestamp) -> OpenScope {
        OpenScope {
            since: now.minus(self.horizon),
        }
    }

    /// Returns how far back relations are searched.
    #[must_use]
    pub fn widths(&self) -> PollRange {
        let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        PollRange {
            lookback_ms: ms(self.lookback),
            horizon_ms: ms(self.horizon),
        }
    }

    /// Returns the first tick after `now`, with a random part of the jitter.
    #[must_use]
    pub fn next_tick(&self, now: Timestamp) -> Timestamp {
        let every = i64::try_from(self.every.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        let tick = (now.0.div_euclid(every) + 1).saturating_mul(every);
        Timestamp(tick).plus(self.jitter.mul_f64(rand::random::<f64>()))
    }

    /// Returns when an account is polled first: at once, with a random delay of at most a minute.
    #[must_use]
    pub fn first(&self, now: Timestamp) -> Timestamp {
        now.plus(self.jitter.min(FIRST_WITHIN).mul_f64(rand::random::<f64>()))
    }

    /// Returns the latest time at which the next tick can be due.
    #[must_use]
    pub fn latest_tick(&self, now: Timestamp) -> Timestamp {
        now.plus(self.every).plus(self.jitter)
    }
}
