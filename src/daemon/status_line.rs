//! The line that `systemctl status` shows.

use crate::domain::delivery::DeliveryState;
use crate::domain::time::Timestamp;
use crate::metrics::Snapshot;

/// Describes the state in one line: open enrollments, waiting deliveries, what needs a person, and the next poll.
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
    use std::time::Duration;

    use super::*;
    use crate::metrics::OutboxCount;

    #[test]
    fn the_status_line_names_what_needs_a_person_first() {
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
