//! The decision, pure: an enrollment, a piece of evidence and the time go in; what to write comes out (contract section 6).

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::domain::campaign::{CampaignFacts, CampaignStatus};
use crate::domain::enrollment::{Accept, Enrollment, Status};
use crate::domain::signal::{Claim, Path, Precision, Source};
use crate::domain::time::Timestamp;

/// How much older than the invite a connection has to be to count as older: clocks of several machines are involved.
const INVITE_SLACK: Duration = Duration::from_secs(5 * 60);

/// Everything a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The enrollment as it stands.
    pub enrollment: &'a Enrollment,
    /// Its campaign.
    pub campaign: &'a CampaignFacts,
    /// Where the evidence came from.
    pub source: Source,
    /// When it was first received.
    pub received_at: Timestamp,
    /// What it says.
    pub claim: &'a Claim,
    /// How it was tied to the enrollment.
    pub path: Option<Path>,
    /// Whether it came to a sibling account.
    pub via_sibling: bool,
    /// An accept that is older than this at its detection is a backfill.
    pub announce_within: Duration,
    /// Now: the time of detection.
    pub now: Timestamp,
}

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The accept, where the enrollment had none.
    pub accept: Option<Accept>,
    /// The first reply, where the evidence is of one and the enrollment had none.
    pub replied_at: Option<Timestamp>,
    /// The status afterwards.
    pub status: Status,
    /// Since when it is known that the status holds; only what is told to us moves it.
    pub status_at: Option<Timestamp>,
}

impl Decision {
    /// Whether it writes an accept or a reply.
    #[must_use]
    pub fn stamps(&self) -> bool {
        self.accept.is_some() || self.replied_at.is_some()
    }
}

/// Decides. Never undoes: an accept and a reply that are there stay, and the status only moves forward.
#[must_use]
pub fn decide(case: &Case<'_>) -> Decision {
    let Case {
        enrollment, claim, ..
    } = *case;
    // What lay in the future when it came stays nonsense, however late it is looked at again.
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
        // Every precision gives a time at or after the connection, so an older time is an older connection.
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
