//! What an understood webhook does, inside the writer's transaction: the event id is remembered, and evidence goes into the one
//! stamping routine (contract section 4).

use super::sendpilot::{self, SendpilotEvent, SendpilotKind};
use super::unipile::{UnipileEvent, UnipileKind};
use crate::domain::bad_input::BadInput;
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::provider::Provider;
use crate::domain::signal::{Claim, EventRef, Outcome, Person, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;
use crate::reconcile::{Noted, Routine, Upsert};
use crate::store::Error;

/// Why a duplicate is one.
const SEEN_BEFORE: &str = "The provider sent this event before.";

/// Acts on a Unipile webhook. Returns what it led to.
///
/// # Errors
/// The store's.
pub fn unipile(routine: &mut Routine<'_>, event: &UnipileEvent) -> Result<Outcome, Error> {
    let nobody = Identity::default();
    let (account, source, identity) = match &event.kind {
        UnipileKind::Evidence(signal) => (
            Some(&signal.account),
            signal.source,
            &signal.person.identity,
        ),
        UnipileKind::Account { account, .. } => (Some(account), Source::Webhook, &nobody),
        UnipileKind::Ignored {
            account,
            source,
            identity,
            ..
        } => (account.as_ref(), *source, identity),
    };
    let noted = Noted {
        source,
        account,
        outcome: Outcome::Duplicate,
        reason: SEEN_BEFORE,
        raw: &event.raw,
        enrollment: None,
        identity,
    };
    if seen_again(routine, event.event_ref.as_ref(), &noted)? {
        return Ok(Outcome::Duplicate);
    }
    match &event.kind {
        UnipileKind::Evidence(signal) => {
            routine.meet(&signal.account, Provider::Unipile)?;
            routine.apply(signal, None)
        }
        UnipileKind::Account {
            account,
            message,
            healthy,
        } => {
            routine.meet(account, Provider::Unipile)?;
            match healthy {
                Some(true) => routine.account_works(account)?,
                Some(false) => routine.account_failed(account, message)?,
                None => {}
            }
            kept(
                routine,
                &Noted {
                    outcome: Outcome::Recorded,
                    reason: &format!("The provider said {message} of the account."),
                    ..noted
                },
            )
        }
        UnipileKind::Ignored { reason, .. } => kept(
            routine,
            &Noted {
                outcome: Outcome::Ignored,
                reason,
                ..noted
            },
        ),
    }
}

/// Acts on a SendPilot webhook. Returns what it led to.
///
/// # Errors
/// [`Error::BadInput`] for an unknown lead without a sender; the store's.
pub fn sendpilot(routine: &mut Routine<'_>, event: &SendpilotEvent) -> Result<Outcome, Error> {
    let known = match &event.lead {
        Some(lead) => routine.tx.enrollment(lead)?,
        None => None,
    };
    let account = known.as_ref().map(|e| &e.account).or(event.sender.as_ref());
    let about = identity(event);
    let noted = Noted {
        source: Source::Sendpilot,
        account,
        outcome: Outcome::Duplicate,
        reason: SEEN_BEFORE,
        raw: &event.raw,
        enrollment: known.as_ref().map(|e| &e.id),
        identity: &about,
    };
    if seen_again(routine, event.event_ref.as_ref(), &noted)? {
        return Ok(Outcome::Duplicate);
    }
    let lead = match &event.lead {
        Some(lead) if event.kind != SendpilotKind::Unknown => lead,
        _ => {
            return kept(
                routine,
                &Noted {
                    outcome: Outcome::Ignored,
                    reason: &not_a_sign(&event.event_type),
                    ..noted
                },
            );
        }
    };
    if let Some(sender) = &event.sender {
        routine.meet(sender, Provider::Sendpilot)?;
    }
    let remark = other_sender(known.as_ref(), event);
    let e = enrolled(routine, known, lead, event)?;
    act(routine, e, event, remark.as_deref())
}

/// Why an event is ignored. A documented one is no surprise; an unknown one may be a new name of a sign that would be lost.
fn not_a_sign(event_type: &str) -> String {
    if sendpilot::is_documented(event_type) {
        format!("The event {event_type:?} says nothing about an accept.")
    } else {
        format!(
            "The event type {event_type:?} is not known. If it is a new name of a known one, acceptd has to learn it."
        )
    }
}

/// What one known event says of one enrollment.
fn act(
    routine: &mut Routine<'_>,
    e: Enrollment,
    event: &SendpilotEvent,
    remark: Option<&str>,
) -> Result<Outcome, Error> {
    let timestamp = told_at(routine, event);
    let claim = |precision| Claim::of(timestamp, precision);
    let claim = match &event.kind {
        SendpilotKind::Sent { note } => {
            let id = e.id.clone();
            let account = e.account.clone();
            let named = identity(event);
            let named = named.provider_id.or(named.sales_id);
            routine.record_invite(e, timestamp, named.as_deref(), note.as_deref(), None)?;
            let reason = "The invite was sent; that proves no connection.";
            return recorded(routine, &account, &id, reason, remark, event);
        }
        SendpilotKind::Accepted { at } => match at.and_then(|at| at.plausible(routine.now)) {
            Some(at) => Claim {
                at: Some(at),
                ..claim(Precision::Exact)
            },
            // The event's own time tells when it was detected, and it had happened by then.
            None => claim(Precision::UpperBound),
        },
        SendpilotKind::MessageSent => Claim {
            status: Some(Status::MessageSent),
            presumes_connection: true,
            ..claim(Precision::Inferred)
        },
        SendpilotKind::Reply { preview } => Claim {
            reply: true,
            presumes_connection: true,
            preview: preview.clone(),
            ..claim(Precision::Inferred)
        },
        SendpilotKind::StatusChange { previous, new } => {
            let says = |status: &Option<Status>| status.is_some_and(Status::needs_accept);
            if !says(previous) && !says(new) {
                return told(routine, e, event, *new, remark);
            }
            let replied = [previous, new].contains(&&Some(Status::ReplyReceived));
            Claim {
                reply: replied,
                status: newer(&e, timestamp, *new),
                ..claim(Precision::UpperBound)
            }
        }
        SendpilotKind::Unknown => {
            return Err(Error::Internal("an unknown event has no claim".to_owned()));
        }
    };
    let signal = Signal {
        source: Source::Sendpilot,
        account: e.account.clone(),
        received_at: routine.now,
        subject: Subject::Enrollment(e.id.clone()),
        person: Person {
            identity: identity(event),
            ..Person::default()
        },
        claim,
        raw: event.raw.clone(),
    };
    let outcome = routine.apply(&signal, remark)?;
    remember_when(routine, &e, event, timestamp)?;
    Ok(outcome)
}

/// When the event was told, where that makes sense (contract section 6: a time that does not counts as absent).
fn told_at(routine: &Routine<'_>, event: &SendpilotEvent) -> Option<Timestamp> {
    event.timestamp.and_then(|at| at.plausible(routine.now))
}

/// Keeps since when the status is known that this event set or confirmed, so that no older one overrides it.
fn remember_when(
    routine: &Routine<'_>,
    before: &Enrollment,
    event: &SendpilotEvent,
    timestamp: Option<Timestamp>,
) -> Result<(), Error> {
    let (Some(timestamp), Some(mut e)) = (timestamp, routine.tx.enrollment(&before.id)?) else {
        return Ok(());
    };
    let confirmed =
        matches!(&event.kind, SendpilotKind::StatusChange { new, .. } if *new == Some(e.status));
    let moved = e.status != before.status;
    if (moved || confirmed) && e.status_at < Some(timestamp) {
        e.status_at = Some(timestamp);
        routine.tx.update_enrollment(&e)?;
    }
    Ok(())
}

/// A status that is no evidence: those that people set may still be told.
fn told(
    routine: &mut Routine<'_>,
    mut e: Enrollment,
    event: &SendpilotEvent,
    new: Option<Status>,
    remark: Option<&str>,
) -> Result<Outcome, Error> {
    let (account, id) = (e.account.clone(), e.id.clone());
    let before = e.clone();
    let timestamp = told_at(routine, event);
    let moves = newer(&e, timestamp, new).filter(|new| !new.needs_no_accept() && *new != e.status);
    let reason = match moves {
        Some(new) => {
            routine.reopened(&e, new)?;
            e.status = new;
            e.status_at = Some(timestamp.unwrap_or(routine.now));
            routine.tx.update_enrollment(&e)?;
            format!("The status became {new}; that proves no connection.")
        }
        None => "A status that moves nothing and proves no connection.".to_owned(),
    };
    remember_when(routine, &before, event, timestamp)?;
    recorded(routine, &account, &id, &reason, remark, event)
}

/// The status, unless what is known is newer than this event.
fn newer(e: &Enrollment, timestamp: Option<Timestamp>, new: Option<Status>) -> Option<Status> {
    let older = e
        .status_at
        .zip(timestamp)
        .is_some_and(|(known, told)| told < known);
    new.filter(|_| !older)
}

/// The enrollment of a lead; an unknown one is enrolled on the spot.
fn enrolled(
    routine: &mut Routine<'_>,
    known: Option<Enrollment>,
    lead: &EnrollmentId,
    event: &SendpilotEvent,
) -> Result<Enrollment, Error> {
    let has_identity = known.as_ref().is_some_and(|e| e.identity.is_usable());
    if let Some(e) = known
        && (has_identity || event.linkedin_url.is_none())
    {
        return Ok(e);
    }
    let is_new = routine.tx.enrollment(lead)?.is_none();
    if is_new && event.sender.is_none() {
        let why = "The lead is not known, so its account is needed.";
        return Err(BadInput::field("data.senderId", why).into());
    }
    routine.enroll(&Upsert {
        id: lead.clone(),
        account: event.sender.clone().filter(|_| is_new),
        campaign: event.campaign.clone().filter(|_| is_new).map(Some),
        campaign_name: None,
        linkedin_url: event.linkedin_url.clone().map(Some),
        provider_id: None,
        name: None,
        headline: None,
        company: None,
        invited_at: None,
        note: None,
    })?;
    let stored = |routine: &Routine<'_>| {
        let gone = "an enrollment vanished in its transaction";
        routine
            .tx
            .enrollment(lead)?
            .ok_or_else(|| Error::Internal(gone.to_owned()))
    };
    if is_new && first_met_later(&event.kind) {
        let mut e = stored(routine)?;
        e.first_seen_after_accept = true;
        routine.tx.update_enrollment(&e)?;
    }
    // Last: evidence that came before may stamp it.
    routine.try_evidence_again()?;
    stored(routine)
}

/// Whether what a lead is first met by comes after the accept, so that the accept itself is old news.
fn first_met_later(kind: &SendpilotKind) -> bool {
    match kind {
        SendpilotKind::MessageSent | SendpilotKind::Reply { .. } => true,
        SendpilotKind::StatusChange { previous, new } => [previous, new]
            .iter()
            .any(|s| s.is_some_and(|s| s.rank() > Status::ConnectionAccepted.rank())),
        _ => false,
    }
}

fn other_sender(known: Option<&Enrollment>, event: &SendpilotEvent) -> Option<String> {
    let (e, sender) = (known?, event.sender.as_ref()?);
    (e.account != *sender).then(|| {
        format!(
            "The event names the sender {sender}, the enrollment has account {}, which wins.",
            e.account
        )
    })
}

fn identity(event: &SendpilotEvent) -> Identity {
    event
        .linkedin_url
        .as_deref()
        .map(Identity::from_text)
        .unwrap_or_default()
}

fn recorded(
    routine: &mut Routine<'_>,
    account: &AccountId,
    id: &EnrollmentId,
    reason: &str,
    remark: Option<&str>,
    event: &SendpilotEvent,
) -> Result<Outcome, Error> {
    let reason = match remark {
        Some(remark) => format!("{reason} {remark}"),
        None => reason.to_owned(),
    };
    let noted = Noted {
        source: Source::Sendpilot,
        account: Some(account),
        outcome: Outcome::Recorded,
        reason: &reason,
        raw: &event.raw,
        enrollment: Some(id),
        identity: &identity(event),
    };
    kept(routine, &noted)
}

fn kept(routine: &mut Routine<'_>, noted: &Noted<'_>) -> Result<Outcome, Error> {
    routine.keep(noted)?;
    Ok(noted.outcome)
}

/// Remembers the provider's event id; one that was there makes the `duplicate` of `noted` and nothing else.
fn seen_again(
    routine: &mut Routine<'_>,
    event: Option<&EventRef>,
    noted: &Noted<'_>,
) -> Result<bool, Error> {
    let Some(event) = event else {
        return Ok(false);
    };
    if routine.tx.remember_event(event)? {
        return Ok(false);
    }
    routine.keep(noted)?;
    Ok(true)
}
