//! Decides what a signal changes, as a pure function of the enrollment, the signal and the time. See `docs/rules/stamping.md`.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::domain::campaign::{CampaignFacts, CampaignStatus};
use crate::domain::enrollment::{Accept, Enrollment, Status};
use crate::domain::signal::{Claim, Path, Precision, Source};
use crate::domain::time::Timestamp;

/// A connection counts as older than the invite only if it is older by this much, because the clocks of several machines are
/// involved.
const INVITE_SLACK: Duration = Duration::from_secs(5 * 60);

/// Everything that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The enrollment before the decision.
    pub enrollment: &'a Enrollment,
    /// Its campaign.
    pub campaign: &'a CampaignFacts,
    /// The source of the signal.
    pub source: Source,
    /// When the signal was first received.
    pub received_at: Timestamp,
    /// What the signal claims.
    pub claim: &'a Claim,
    /// How the signal was tied to the enrollment. `None` if it names the enrollment.
    pub path: Option<Path>,
    /// Whether the signal came to a sibling account.
    pub via_sibling: bool,
    /// An accept that is older than this when it is detected is a backfill.
    pub announce_within: Duration,
    /// The current time, which becomes the time of detection.
    pub now: Timestamp,
}

/// What to write to an enrollment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The accept, if the enrollment had none.
    pub accept: Option<Accept>,
    /// The first reply, if the signal is a reply and the enrollment had none.
    pub replied_at: Option<Timestamp>,
    /// The new status.
    pub status: Status,
    /// Since when the status is known to hold. Only a status that a provider or a user tells changes it.
    pub status_at: Option<Timestamp>,
}

impl Decision {
    /// Whether an accept or a reply is written.
    #[must_use]
    pub fn stamps(&self) -> bool {
        self.accept.is_some() || self.replied_at.is_some()
    }
}

/// Decides what a signal changes. An existing accept or reply stays as it is, and the status only moves forward.
#[must_use]
pub fn decide(case: &Case<'_>) -> Decision {
    let Case {
        enrollment, claim, ..
    } = *case;
    // A time that was in the future when the signal came stays implausible, however late the signal is tried again.
    let received_by = case.received_at.min(case.now);
    let own_time = claim.at.and_then(|at| at.plausible(received_by));
    let time = own_time.unwrap_or(case.received_at);
    let accept = enrollment
        .accept
        .is_none()
        .then(|| accept(case, own_time, time));
    let replied_at = (claim.reply && enrollment.replied_at.is_none()).then_some(time);
    let mut status = enrollment.status;
    if accept.is_some() {
        status = status.forward_to(Status::ConnectionAccepted);
    }
    if claim.reply {
        status = status.forward_to(Status::ReplyReceived);
    }
    if let Some(told) = claim.status {
        status = status.updated_to(told);
    }
    let moved_by_word = case.source == Source::Sendpilot && status != enrollment.status;
    Decision {
        accept,
        replied_at,
        status,
        status_at: if moved_by_word {
            enrollment.status_at.max(Some(time))
        } else {
            enrollment.status_at
        },
    }
}

fn accept(case: &Case<'_>, own_time: Option<Timestamp>, time: Timestamp) -> Accept {
    let Case {
        enrollment,
        campaign,
        claim,
        ..
    } = *case;
    let precision = match claim.precision {
        Precision::Exact if own_time.is_none() => Precision::UpperBound,
        precision => precision,
    };
    let pre_connected = match enrollment.invite.at {
        // With any precision, the time is at or after the connection. So a time before the invite means an older connection.
        Some(invited) => time < invited.minus(INVITE_SLACK),
        None => {
            claim.presumes_connection
                || (case.source == Source::Poll
                    && own_time.is_some_and(|at| at < enrollment.created_at))
        }
    };
    let after_window = enrollment
        .invite
        .at
        .zip(campaign.accept_window_ms)
        .is_some_and(|(invited, window)| time.0 > invited.0.saturating_add(window));
    Accept {
        at: time,
        precision,
        detected_at: case.now,
        source: case.source,
        path: case.path,
        via_sibling: case.via_sibling,
        pre_connected,
        late: campaign.status != CampaignStatus::Running || after_window,
        backfill: enrollment.first_seen_after_accept || time < case.now.minus(case.announce_within),
    }
}
