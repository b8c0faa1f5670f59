//! What a SendPilot webhook does in the writer's transaction: its event id is remembered, an unknown lead is enrolled, and
//! evidence goes to the stamping routine.

use super::{SendpilotEvent, SendpilotKind, is_documented};
use crate::domain::bad_input::BadInput;
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::patch::Patch;
use crate::domain::provider::Provider;
use crate::domain::signal::{Claim, Outcome, Person, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;
use crate::intake::ledger::{SEEN_BEFORE, is_duplicate, record};
use crate::reconcile::{LedgerEntry, Routine, Upsert};
use crate::store::Error;

/// Applies a webhook of SendPilot. Returns what it led to.
///
/// # Errors
/// Returns [`Error::BadInput`] if the lead is unknown and the event has no sender.
pub fn apply(routine: &mut Routine<'_>, event: &SendpilotEvent) -> Result<Outcome, Error> {
    let known = match &event.lead {
        Some(lead) => routine.read().enrollment(lead)?,
        None => None,
    };
    let account = known.as_ref().map(|e| &e.account).or(event.sender.as_ref());
    let about = identity(event);
    let entry = LedgerEntry {
        source: Source::Sendpilot,
        account,
        outcome: Outcome::Duplicate,
        reason: SEEN_BEFORE,
        raw: &event.raw,
        enrollment: known.as_ref().map(|e| &e.id),
        identity: &about,
    };
    if is_duplicate(routine, event.event_ref.as_ref(), &entry)? {
        return Ok(Outcome::Duplicate);
    }
    let lead = match &event.lead {
        Some(lead) if event.kind != SendpilotKind::Unknown => lead,
        _ => {
            return record(
                routine,
                &LedgerEntry {
                    outcome: Outcome::Ignored,
                    reason: &not_evidence(&event.event_type),
                    ..entry
                },
            );
        }
    };
    if let Some(sender) = &event.sender {
        routine.ensure_account(sender, Provider::Sendpilot)?;
    }
    let remark = other_sender(known.as_ref(), event);
    let e = ensure_enrolled(routine, known, lead, event)?;
    apply_to(routine, e, event, remark.as_deref())
}

/// Returns why an event is ignored. An unknown type may be a new name of evidence that would otherwise be lost, so the reason says so.
fn not_evidence(event_type: &str) -> String {
    if is_documented(event_type) {
        format!("The event type {event_type:?} is not evidence of an accept.")
    } else {
        format!(
            "The event type {event_type:?} is unknown. If it is a new name of a known type, acceptd needs an update."
        )
    }
}

/// Applies an event of a known type to its enrollment.
fn apply_to(
    routine: &mut Routine<'_>,
    e: Enrollment,
    event: &SendpilotEvent,
    remark: Option<&str>,
) -> Result<Outcome, Error> {
    let timestamp = plausible_time(routine, event);
    let claim = |precision| Claim::of(timestamp, precision);
    let claim = match &event.kind {
        SendpilotKind::Sent { note } => {
            let id = e.id.clone();
            let account = e.account.clone();
            let named = identity(event);
            let named = named.provider_id.or(named.sales_id);
            routine.record_invite(e, timestamp, named.as_deref(), note.as_deref(), None)?;
            let reason = "The invite was sent. This does not prove a connection.";
            return record_without_evidence(routine, &account, &id, reason, remark, event);
        }
        SendpilotKind::Accepted { at } => match at.and_then(|at| at.plausible(routine.now())) {
            Some(at) => Claim {
                at: Some(at),
                ..claim(Precision::Exact)
            },
            // The event's own time says when the accept was detected, so the accept happened at or before it.
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
            let proves = |status: &Option<Status>| status.is_some_and(Status::needs_accept);
            if !proves(previous) && !proves(new) {
                return apply_status(routine, e, event, *new, remark);
            }
            let replied = [previous, new].contains(&&Some(Status::ReplyReceived));
            Claim {
                reply: replied,
                status: unless_outdated(&e, timestamp, *new),
                ..claim(Precision::UpperBound)
            }
        }
        SendpilotKind::Unknown => {
            return Err(Error::Internal(
                "an unknown event type has no claim".to_owned(),
            ));
        }
    };
    let signal = Signal {
        source: Source::Sendpilot,
        account: e.account.clone(),
        received_at: routine.now(),
        subject: Subject::Enrollment(e.id.clone()),
        person: Person {
            identity: identity(event),
            ..Person::default()
        },
        claim,
        raw: event.raw.clone(),
    };
    let outcome = routine.apply(&signal, remark)?;
    remember_status_time(routine, &e, event, timestamp)?;
    Ok(outcome)
}

/// Returns the time of the event. A time that is not plausible counts as absent.
fn plausible_time(routine: &Routine<'_>, event: &SendpilotEvent) -> Option<Timestamp> {
    event.timestamp.and_then(|at| at.plausible(routine.now()))
}

/// Stores the time of the status that this event set or confirmed, so that an older event does not override it.
fn remember_status_time(
    routine: &mut Routine<'_>,
    before: &Enrollment,
    event: &SendpilotEvent,
    timestamp: Option<Timestamp>,
) -> Result<(), Error> {
    let (Some(timestamp), Some(mut e)) = (timestamp, routine.read().enrollment(&before.id)?) else {
        return Ok(());
    };
    let confirmed =
        matches!(&event.kind, SendpilotKind::StatusChange { new, .. } if *new == Some(e.status));
    let moved = e.status != before.status;
    if moved || confirmed {
        routine.confirm_status(&mut e, timestamp)?;
    }
    Ok(())
}

/// Applies a status change that is not evidence. It may still set one of the statuses that users set.
fn apply_status(
    routine: &mut Routine<'_>,
    mut e: Enrollment,
    event: &SendpilotEvent,
    new: Option<Status>,
    remark: Option<&str>,
) -> Result<Outcome, Error> {
    let (account, id) = (e.account.clone(), e.id.clone());
    let before = e.clone();
    let timestamp = plausible_time(routine, event);
    let moves = unless_outdated(&e, timestamp, new)
        .filter(|new| !new.needs_no_accept() && *new != e.status);
    let reason = match moves {
        Some(new) => {
            let at = timestamp.unwrap_or(routine.now());
            routine.set_status(&mut e, new, at)?;
            format!("The status became {new}. This does not prove a connection.")
        }
        None => "The reported status changes nothing and does not prove a connection.".to_owned(),
    };
    remember_status_time(routine, &before, event, timestamp)?;
    record_without_evidence(routine, &account, &id, &reason, remark, event)
}

/// Returns the reported status, unless the known status is newer than this event.
fn unless_outdated(
    e: &Enrollment,
    timestamp: Option<Timestamp>,
    new: Option<Status>,
) -> Option<Status> {
    let older = e
        .status_at
        .zip(timestamp)
        .is_some_and(|(known, reported)| reported < known);
    new.filter(|_| !older)
}

/// Returns the enrollment of a lead. An unknown lead is enrolled.
fn ensure_enrolled(
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
    let is_new = routine.read().enrollment(lead)?.is_none();
    if is_new && event.sender.is_none() {
        let why = "is required, because the lead is not enrolled yet";
        return Err(BadInput::field("data.senderId", why).into());
    }
    routine.enroll(&Upsert {
        id: lead.clone(),
        account: event.sender.clone().filter(|_| is_new),
        campaign: event.campaign.clone().filter(|_| is_new).into(),
        campaign_name: Patch::Keep,
        linkedin_url: event.linkedin_url.clone().into(),
        provider_id: Patch::Keep,
        name: Patch::Keep,
        headline: Patch::Keep,
        company: Patch::Keep,
        invited_at: Patch::Keep,
        note: Patch::Keep,
    })?;
    let stored = |routine: &Routine<'_>| {
        let gone = "an enrollment disappeared within its transaction";
        routine
            .read()
            .enrollment(lead)?
            .ok_or_else(|| Error::Internal(gone.to_owned()))
    };
    if is_new && begins_after_accept(&event.kind) {
        routine.mark_seen_after_accept(stored(routine)?)?;
    }
    // This comes last, because earlier evidence may stamp the enrollment.
    routine.retry_evidence()?;
    stored(routine)
}

/// Whether the first event of a lead already comes after the accept. The accept is then a backfill.
fn begins_after_accept(kind: &SendpilotKind) -> bool {
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
            "The event names the sender {sender}, but the enrollment belongs to account {}, which is used.",
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

fn record_without_evidence(
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
    let entry = LedgerEntry {
        source: Source::Sendpilot,
        account: Some(account),
        outcome: Outcome::Recorded,
        reason: &reason,
        raw: &event.raw,
        enrollment: Some(id),
        identity: &identity(event),
    };
    record(routine, &entry)
}
