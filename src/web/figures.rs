//! The figures that only the database knows, for `/metrics` and for the status line of systemd.

use std::time::Duration;

use crate::config::Config;
use crate::domain::delivery::DeliveryState;
use crate::domain::signal::Outcome;
use crate::domain::time::Timestamp;
use crate::metrics::{AccountCounts, OutboxCount, Snapshot, Undelivered};
use crate::store::{self, ApiStore, Error, OpenScope};

/// Reads the figures. `writable` says whether the database can commit.
pub async fn snapshot(
    store: &ApiStore,
    config: &Config,
    now: Timestamp,
    writable: bool,
) -> Result<Snapshot, Error> {
    let scope = OpenScope {
        since: now.minus(config.poll.horizon),
    };
    let (outbox, accounts, signals_unmatched, calls_today) = store
        .view(move |r| {
            Ok((
                r.outbox_counts()?,
                r.account_totals(scope)?,
                r.count_signals(Outcome::Unmatched)?,
                r.calls_today(now)?,
            ))
        })
        .await?;

    let mut counts = AccountCounts::default();
    for account in &accounts {
        match account.healthy {
            true => counts.healthy += 1,
            false => counts.unhealthy += 1,
        }
        if account.open > 0 {
            let made = calls_today.get(&account.id).copied().unwrap_or(0);
            let left = config
                .account(&account.id)
                .daily_budget
                .saturating_sub(made);
            counts.budget_left += u64::from(left);
            counts.out_of_budget += u64::from(left == 0);
        }
    }
    let mut names: Vec<_> = config
        .destinations
        .iter()
        .map(|d| d.name.as_str())
        .collect();
    names.extend(outbox.iter().map(|row| row.destination.as_str()));
    names.sort_unstable();
    names.dedup();
    Ok(Snapshot {
        undelivered: names.iter().map(|n| undelivered(n, &outbox, now)).collect(),
        outbox: names.iter().flat_map(|n| by_state(n, &outbox)).collect(),
        accounts: counts,
        open_enrollments: accounts.iter().map(|a| a.open).sum(),
        signals_unmatched,
        database_writable: writable,
    })
}

/// Every state of a destination, those without any delivery too.
fn by_state<'a>(
    name: &'a str,
    outbox: &'a [store::OutboxCount],
) -> impl Iterator<Item = OutboxCount> + 'a {
    DeliveryState::ALL.iter().map(move |state| OutboxCount {
        destination: name.to_owned(),
        state: *state,
        count: outbox
            .iter()
            .find(|row| row.destination == name && row.state == *state)
            .map_or(0, |row| row.count),
    })
}

fn undelivered(name: &str, outbox: &[store::OutboxCount], now: Timestamp) -> Undelivered {
    let on_the_way = |row: &&store::OutboxCount| {
        row.destination == name
            && matches!(row.state, DeliveryState::Pending | DeliveryState::Sending)
    };
    Undelivered {
        destination: name.to_owned(),
        oldest_age: outbox
            .iter()
            .filter(on_the_way)
            .map(|row| now.since(row.oldest))
            .max()
            .unwrap_or(Duration::ZERO),
    }
}
