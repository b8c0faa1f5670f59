//! Turns the configuration into the rules of polling.

use std::sync::Arc;

use super::providers::clients;
use crate::clock::Clock;
use crate::config::{ActiveHours, Config};
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::poll::Plan;
use crate::provider::pacer::Pace;

/// The rules of a configuration.
///
/// # Errors
/// When the provider's address can't be used.
pub fn plan(config: &Arc<Config>, clock: &Clock) -> anyhow::Result<Plan> {
    let (paces, providers, named) = (config.clone(), config.clone(), config.clone());
    Ok(Plan {
        clients: clients(config, clock)?,
        every: config.poll.every,
        jitter: config.poll.jitter,
        page_size: config.poll.page_size,
        lookback: config.poll.lookback,
        horizon: config.poll.horizon,
        pace_of: Box::new(move |account, now| {
            let settings = paces.account(account);
            Pace {
                spacing: settings.spacing,
                spacing_jitter: paces.poll.spacing_jitter,
                daily_budget: settings.daily_budget,
                not_before: settings
                    .active_hours
                    .map_or(now, |hours| next_active(hours, &settings.timezone, now)),
            }
        }),
        provider_of: Box::new(move |account| providers.account(account).provider),
        is_named: Box::new(move |account| named.accounts.iter().any(|entry| entry.id == *account)),
        formerly: config
            .accounts
            .iter()
            .flat_map(|entry| {
                let other = |former: &AccountId| (entry.id.clone(), former.clone());
                entry.formerly.iter().map(other)
            })
            .collect(),
    })
}

/// Returns `now` if it lies within the hours, else when they begin next.
fn next_active(hours: ActiveHours, zone: &jiff::tz::TimeZone, now: Timestamp) -> Timestamp {
    let Ok(instant) = jiff::Timestamp::from_millisecond(now.0) else {
        return now;
    };
    let local = instant.to_zoned_datetime(zone.clone());
    if hours.contains(local.time()) {
        return now;
    }
    let mut day = local.date();
    // Two days are enough, but a zone may skip a day.
    for _ in 0..4 {
        if let Ok(start) = day.to_datetime(hours.start).to_zoned_datetime(zone.clone()) {
            let start = Timestamp(start.timestamp().as_millisecond());
            if start > now {
                return start;
            }
        }
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hours: &str, zone: &str, now: &str, expected: &str) {
        let hours = ActiveHours::parse(hours).expect("hours").expect("some");
        let zone = jiff::tz::TimeZone::get(zone).expect("a zone");
        let now = Timestamp::parse(now).expect("a time");
        assert_eq!(next_active(hours, &zone, now).rfc3339(), expected);
    }

    #[test]
    fn the_next_active_time() {
        check(
            "08:00-19:00",
            "UTC",
            "2026-05-02T07:59:59Z",
            "2026-05-02T08:00:00.000Z",
        );
        check(
            "08:00-19:00",
            "UTC",
            "2026-05-02T12:00:00Z",
            "2026-05-02T12:00:00.000Z",
        );
        check(
            "08:00-19:00",
            "UTC",
            "2026-05-02T19:00:00Z",
            "2026-05-03T08:00:00.000Z",
        );
        check(
            "22:00-02:00",
            "UTC",
            "2026-05-02T01:00:00Z",
            "2026-05-02T01:00:00.000Z",
        );
        check(
            "22:00-02:00",
            "UTC",
            "2026-05-02T02:00:00Z",
            "2026-05-02T22:00:00.000Z",
        );
        // The night the clocks go forward.
        check(
            "02:30-05:00",
            "Europe/Berlin",
            "2026-03-29T00:50:00Z",
            "2026-03-29T01:30:00.000Z",
        );
    }
}
