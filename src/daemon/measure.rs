//! What only the database knows about the state of the daemon: for `/metrics`, and in one line for `systemctl status`.

use std::time::Duration;

use crate::config::Config;
use crate::domain::delivery::DeliveryState;
use crate::domain::signal::Outcome;
use crate::domain::time::Timestamp;
use crate::metrics::{AccountCounts, OutboxCount, Snapshot, Undelivered};
use crate::store::{self, ApiStore, Error, OpenScope};

/// Reads the figures. `writable` is what `/readyz` says of the database.
///
/// # Errors
/// The store's.
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

/// One line for `systemctl status`: what is waited for, what is on its way, what needs a person, when the next look is due.
#[must_use]
pub fn status_line(state: &Snapshot, next_poll: Option<Timestamp>, now: Timestamp) -> String {
    let outbox = |wanted: &[DeliveryState]| -> u64 {
        let rows = state.outbox.iter().filter(|r| wanted.contains(&r.state));
        rows.map(|r| r.count).sum()
    };
    let waiting = outbox(&[DeliveryState::Pending, DeliveryState::Sending]);
    let stranded = outbox(&[DeliveryState::Dead, DeliveryState::Held]);
    let mut parts = vec![
        format!("{} open enrollments", state.open_enrollments),
        format!("{waiting} deliveries waiting"),
    ];
    if stranded > 0 {
        parts.push(format!("{stranded} dead or held"));
    }
    if state.accounts.unhealthy > 0 {
        parts.push(format!("{} accounts unhealthy", state.accounts.unhealthy));
    }
    parts.push(match next_poll {
        Some(at) if at <= now => "a poll is due now".to_owned(),
        Some(at) => format!("next poll {} UTC", &at.rfc3339()[11..19]),
        None => "nothing to poll".to_owned(),
    });
    if !state.database_writable {
        parts.insert(0, "THE DATABASE CAN'T BE WRITTEN".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_names_what_needs_a_person_first_or_not_at_all() {
        let now = Timestamp(1_790_000_000_000);
        let mut state = Snapshot {
            open_enrollments: 412,
            database_writable: true,
            ..Snapshot::default()
        };
        assert_eq!(
            status_line(&state, Some(now.plus(Duration::from_secs(61))), now),
            "412 open enrollments, 0 deliveries waiting, next poll 14:14:21 UTC"
        );
        state.accounts.unhealthy = 2;
        state.database_writable = false;
        state.outbox = vec![OutboxCount {
            destination: "crm".into(),
            state: DeliveryState::Held,
            count: 3,
        }];
        assert_eq!(
            status_line(&state, None, now),
            "THE DATABASE CAN'T BE WRITTEN, 412 open enrollments, 0 deliveries waiting, 3 dead or held, \
             2 accounts unhealthy, nothing to poll"
        );
    }
}
