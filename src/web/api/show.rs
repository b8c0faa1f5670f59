//! The shapes of the API (contract section 8): fields may be added, never renamed; unknown is `null`.

use serde_json::{Value, json};

use crate::domain::enrollment::Enrollment;
use crate::store::{CampaignCounts, CampaignRow, DeliveryRow, SignalRow};

/// An enrollment.
#[must_use]
pub fn enrollment(e: &Enrollment) -> Value {
    let accept = e.accept.as_ref();
    let identity = &e.identity;
    json!({
        "id": e.id,
        "accountId": e.account,
        "campaignId": e.campaign,
        "status": e.status,
        "name": e.name,
        "headline": e.headline,
        "company": e.company,
        "linkedinUrl": e.linkedin_url.clone().or_else(|| identity.profile_url()),
        "publicIdentifier": identity.public_identifier,
        "providerId": identity.provider_id.as_ref().or(e.invite.provider_id.as_ref()).or(identity.sales_id.as_ref()),
        "memberNumber": identity.number(),
        "invitedAt": e.invite.at,
        "acceptedAt": accept.map(|a| a.at),
        "acceptedAtPrecision": accept.map(|a| a.precision),
        "detectedAt": accept.map(|a| a.detected_at),
        "repliedAt": e.replied_at,
        "source": accept.map(|a| a.source),
        "path": accept.and_then(|a| a.path),
        "viaSibling": accept.is_some_and(|a| a.via_sibling),
        "preConnected": accept.is_some_and(|a| a.pre_connected),
        "late": accept.is_some_and(|a| a.late),
        "backfill": accept.is_some_and(|a| a.backfill),
        "nextStepAt": e.next_step_at,
        "secondsToAccept": e.seconds_to_accept(),
        "createdAt": e.created_at,
    })
}

/// A signal, with its body only where that is asked for.
#[must_use]
pub fn signal(s: &SignalRow, raw: bool) -> Value {
    let ties: Vec<Value> = s
        .enrollments
        .iter()
        .map(|(id, path)| json!({"id": id, "path": path}))
        .collect();
    let mut shown = json!({
        "id": s.id.to_string(),
        "receivedAt": s.received_at,
        "source": s.source,
        "accountId": s.account,
        "outcome": s.outcome,
        "reason": s.reason,
        "enrollments": ties,
    });
    if raw {
        // The database holds valid JSON only.
        shown["raw"] = serde_json::from_str(&s.raw).unwrap_or_default();
    }
    shown
}

/// A delivery.
#[must_use]
pub fn delivery(d: &DeliveryRow) -> Value {
    json!({
        "id": d.id.to_string(),
        "eventId": d.event_id,
        "eventType": d.event_type,
        "destination": d.destination,
        "state": d.state,
        "attempts": d.attempts,
        "nextAttemptAt": d.next_attempt_at,
        "lastStatus": d.last_status,
        "lastError": d.last_error,
        "createdAt": d.created_at,
        "deliveredAt": d.delivered_at,
    })
}

/// A campaign with its live counts.
#[must_use]
pub fn campaign(c: &CampaignRow, counts: &CampaignCounts) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of enrollments is far below 2^52"
    )]
    let rate = (counts.invited_not_pre_connected > 0)
        .then(|| counts.accepted_of_invited as f64 / counts.invited_not_pre_connected as f64);
    // The database holds valid JSON only.
    let schedule: Option<Value> = c
        .schedule
        .as_ref()
        .and_then(|text| serde_json::from_str(text).ok());
    json!({
        "id": c.id,
        "name": c.name,
        "status": c.status,
        "acceptWindow": c.accept_window.as_ref().map(|w| &w.0),
        "notAcceptedAfter": c.not_accepted_after.as_ref().map(|w| &w.0),
        "schedule": schedule,
        "dailyCap": c.daily_cap,
        "enrolled": counts.enrolled,
        "invited": counts.invited,
        "accepted": counts.accepted,
        "preConnected": counts.pre_connected,
        "replied": counts.replied,
        "late": counts.late,
        "acceptRate": rate,
        "medianSecondsToAccept": counts.median_seconds_to_accept.map(whole),
    })
}

/// A number without a fraction is shown without one.
fn whole(n: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a span of seconds fits, and only a whole one is cast"
    )]
    if n.fract() == 0.0 {
        Value::from(n as i64)
    } else {
        Value::from(n)
    }
}
