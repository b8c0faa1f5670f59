//! Rows of the database as answers of the API.

use crate::api::campaigns::Campaign;
use crate::api::deliveries::Delivery;
use crate::api::signals::{Signal, Tie};
use crate::store::{CampaignCounts, CampaignRow, DeliveryRow, SignalRow};

/// A signal, with the provider's body if `raw`.
#[must_use]
pub fn signal(s: &SignalRow, raw: bool) -> Signal {
    let ties = s.enrollments.iter().map(|(id, path)| Tie {
        id: id.clone(),
        path: *path,
    });
    Signal {
        id: s.id.to_string(),
        received_at: s.received_at,
        source: s.source,
        account_id: s.account.clone(),
        outcome: s.outcome,
        reason: s.reason.clone(),
        enrollments: ties.collect(),
        // The database holds only valid JSON.
        raw: raw.then(|| serde_json::from_str(&s.raw).unwrap_or_default()),
    }
}

/// A delivery.
#[must_use]
pub fn delivery(d: &DeliveryRow) -> Delivery {
    Delivery {
        id: d.id.to_string(),
        event_id: d.event_id.clone(),
        event_type: d.event_type,
        destination: d.destination.clone(),
        state: d.state,
        attempts: d.attempts,
        next_attempt_at: d.next_attempt_at,
        last_status: d.last_status,
        last_error: d.last_error.clone(),
        created_at: d.created_at,
        delivered_at: d.delivered_at,
    }
}

/// A campaign with its live counts.
#[must_use]
pub fn campaign(c: &CampaignRow, counts: &CampaignCounts) -> Campaign {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of enrollments is far below 2^52"
    )]
    let rate = (counts.invited_not_pre_connected > 0)
        .then(|| counts.accepted_of_invited as f64 / counts.invited_not_pre_connected as f64);
    let schedule = c.schedule.as_deref();
    Campaign {
        id: c.id.clone(),
        name: c.name.clone(),
        status: c.status,
        accept_window: c.accept_window.as_ref().map(|w| w.0.clone()),
        not_accepted_after: c.not_accepted_after.as_ref().map(|w| w.0.clone()),
        // The database holds only schedules that were checked.
        schedule: schedule.and_then(|text| serde_json::from_str(text).ok()),
        daily_cap: c.daily_cap,
        enrolled: counts.enrolled,
        invited: counts.invited,
        accepted: counts.accepted,
        pre_connected: counts.pre_connected,
        replied: counts.replied,
        late: counts.late,
        accept_rate: rate,
        median_seconds_to_accept: counts.median_seconds_to_accept,
    }
}
