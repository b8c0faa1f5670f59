//! The metrics that are read from the database at a scrape.

use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use super::labels::{DestinationLabels, HealthLabels, OutboxLabels};
use crate::domain::delivery::DeliveryState;

/// How many deliveries of a destination are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxCount {
    /// The destination's name.
    pub destination: String,
    /// The state.
    pub state: DeliveryState,
    /// The number of deliveries.
    pub count: u64,
}

/// The oldest delivery of a destination that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The destination's name.
    pub destination: String,
    /// The age of the oldest one that is `pending` or `sending`, since its event; zero if there is none.
    pub oldest_age: Duration,
}

/// Numbers of accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// Accounts whose health is OK.
    pub healthy: u64,
    /// Accounts with another health.
    pub unhealthy: u64,
    /// Accounts that used up today's budget.
    pub out_of_budget: u64,
    /// Provider calls left today, over all accounts that have open enrollments.
    pub budget_left: u64,
}

/// The state of the database at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Deliveries by destination and state. List states with none too, or they vanish from graphs.
    pub outbox: Vec<OutboxCount>,
    /// One for each destination.
    pub undelivered: Vec<Undelivered>,
    /// The accounts.
    pub accounts: AccountCounts,
    /// Enrollments without an accept that may still be accepted.
    pub open_enrollments: u64,
    /// Signals in the ledger that match no enrollment yet.
    pub signals_unmatched: u64,
    /// Whether the last commit worked, as in `/readyz`.
    pub database_writable: bool,
}

impl Snapshot {
    pub(super) fn register(&self, r: &mut Registry) {
        let outbox = Family::<OutboxLabels, Gauge>::default();
        for row in &self.outbox {
            outbox
                .get_or_create(&OutboxLabels {
                    destination: row.destination.clone(),
                    state: row.state.as_str(),
                })
                .set(gauge(row.count));
        }
        r.register(
            "outbox_deliveries",
            "Deliveries in the database, by destination and state",
            outbox,
        );
        let oldest =
            Family::<DestinationLabels, Gauge<f64, std::sync::atomic::AtomicU64>>::default();
        for row in &self.undelivered {
            oldest
                .get_or_create(&DestinationLabels {
                    destination: row.destination.clone(),
                })
                .set(row.oldest_age.as_secs_f64());
        }
        r.register_with_unit(
            "outbox_oldest_undelivered_age",
            "The age of the oldest delivery that is pending or sending, by destination",
            Unit::Seconds,
            oldest,
        );
        let accounts = Family::<HealthLabels, Gauge>::default();
        for (health, count) in [
            ("ok", self.accounts.healthy),
            ("unhealthy", self.accounts.unhealthy),
        ] {
            accounts
                .get_or_create(&HealthLabels { health })
                .set(gauge(count));
        }
        r.register("accounts", "Accounts, by health", accounts);
        for (name, help, count) in [
            (
                "accounts_out_of_budget",
                "Accounts that used up today's budget of provider calls",
                self.accounts.out_of_budget,
            ),
            (
                "provider_budget_left",
                "Provider calls left today, over all accounts with open enrollments",
                self.accounts.budget_left,
            ),
            (
                "enrollments_open",
                "Open enrollments: not accepted yet, and within the horizon",
                self.open_enrollments,
            ),
            (
                "signals_unmatched",
                "Signals in the ledger that no enrollment matches yet",
                self.signals_unmatched,
            ),
            (
                "database_writable",
                "1 while commits reach the disk, else 0",
                u64::from(self.database_writable),
            ),
        ] {
            r.register(name, help, ConstGauge::new(gauge(count)));
        }
    }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
