//! Resyncs: one profile call for one prospect, or a poll of an account. See `docs/rules/polling.md`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::plan::Plan;
use crate::domain::audit::AuditContext;
use crate::domain::enrollment::Enrollment;
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::provider::Provider;
use crate::domain::signal::{Claim, Outcome, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;
use crate::provider::answers::Profile;
use crate::provider::pacer::check_pace;
use crate::provider::safe_identifier;
use crate::reconcile::{AuditedWrites, Effect, LedgerEntry, Routine, resolve};
use crate::store::{Error, Reader, ResyncRow};

/// A resync that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncPromise {
    /// The id, shared by all requests that are answered by the same call.
    pub resync_id: String,
    /// When the call is expected.
    pub due_at: Timestamp,
}

/// Returns the identifier to ask the provider for: the provider id before the public identifier. Anything that could be a route of the
/// provider is left out.
pub(super) fn identifier(e: &Enrollment) -> Option<String> {
    let named = [
        e.identity.provider_id.as_deref(),
        e.invite
            .provider_id
            .as_deref()
            .filter(|id| id.starts_with("ACo")),
        e.identity.public_identifier.as_deref(),
    ];
    named
        .into_iter()
        .flatten()
        .find(|id| safe_identifier(id))
        .map(str::to_owned)
}

/// Promises a resync of one prospect.
///
/// [`Error::NotFound`] if there is no such enrollment. [`Error::Conflict`] if it is accepted or has no identity, or its account is
/// unhealthy or can't be called.
pub async fn request_profile(
    writes: &AuditedWrites,
    context: AuditContext,
    plan: Arc<Plan>,
    id: EnrollmentId,
) -> Result<ResyncPromise, Error> {
    let resync_id = format!("rs_{}", uuid::Uuid::now_v7().simple());
    let subject = Some(id.to_string());
    writes
        .make(context, subject, move |routine| {
            let promise = promise(routine, &plan, &id, &resync_id)?;
            Ok((promise, Effect::Changed))
        })
        .await
}

/// Makes a poll of an account due now, still within its pace. Returns when it is expected.
///
/// [`Error::NotFound`] if there is no such account. [`Error::Conflict`] if it can't be called or has nothing open.
pub async fn request_poll(
    writes: &AuditedWrites,
    context: AuditContext,
    plan: Arc<Plan>,
    account: AccountId,
) -> Result<Timestamp, Error> {
    let subject = Some(account.to_string());
    writes
        .make(context, subject, move |routine| {
            let (reader, now) = (routine.read(), routine.now());
            reader
                .account(&account)?
                .ok_or_else(|| Error::not_found("account", account.as_str()))?;
            callable(reader, &plan, &account)?;
            something_open(reader, &plan, &account, now)?;
            routine.request_poll(&account)?;
            Ok((due(reader, &plan, &account, now)?, Effect::Changed))
        })
        .await
}

/// Makes a poll of every account due now. Returns how many there are.
///
/// [`Error::Conflict`] if no provider is configured.
pub async fn request_all_polls(
    writes: &AuditedWrites,
    context: AuditContext,
    plan: Arc<Plan>,
) -> Result<usize, Error> {
    writes
        .make(context, None, move |routine| {
            if plan.clients.is_empty() {
                return Err(no_provider());
            }
            Ok((routine.request_all_polls()?, Effect::Changed))
        })
        .await
}

fn promise(
    routine: &mut Routine<'_>,
    plan: &Plan,
    id: &EnrollmentId,
    resync_id: &str,
) -> Result<ResyncPromise, Error> {
    let (tx, now) = (routine.read(), routine.now());
    let e = tx
        .enrollment(id)?
        .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
    let account = tx.canonical_account(&e.account)?;
    if let Some(live) = tx.live_resync(id, now)? {
        return Ok(ResyncPromise {
            resync_id: live.id,
            due_at: live.due_at,
        });
    }
    if e.accept.is_some() {
        return Err(Error::conflict(
            "already-accepted",
            "The invitation is already accepted; there is nothing to resync.",
        ));
    }
    callable(tx, plan, &account)?;
    if tx
        .account(&account)?
        .is_some_and(|a| a.outage_since.is_some())
    {
        return Err(Error::conflict(
            "account-unhealthy",
            format!(
                "Account {} is unhealthy; reconnect it at the provider, or resync the account to probe it.",
                e.account
            ),
        ));
    }
    if !e.identity.is_usable() && e.invite.provider_id.is_none() {
        return Err(Error::conflict(
            "no-usable-identity",
            "The prospect has no usable identity; give the enrollment a linkedinUrl or a providerId.",
        ));
    }
    something_open(tx, plan, &account, now)?;
    // Each resync takes one call, and earlier requests come first.
    let ahead = tx.resyncs_waiting(&account)?;
    let settings = plan.settings_id(tx, &account)?;
    let spacing = (plan.pace_of)(&settings, now).spacing;
    let row = ResyncRow {
        id: resync_id.to_owned(),
        account: account.clone(),
        enrollment: id.clone(),
        by_poll: identifier(&e).is_none(),
        slashed: false,
        attempts: 0,
        asked_at: now,
        due_at: due(tx, plan, &account, now)?.plus(spacing.saturating_mul(ahead)),
        called_at: None,
    };
    routine.promise_resync(&row)?;
    Ok(ResyncPromise {
        resync_id: row.id,
        due_at: row.due_at,
    })
}

fn no_provider() -> Error {
    Error::conflict(
        "no-provider",
        "No provider is configured: set base_url and api_key of [unipile] or [unipile_v2].",
    )
}

fn callable(tx: &Reader<'_>, plan: &Plan, account: &AccountId) -> Result<(), Error> {
    if plan.clients.is_empty() {
        return Err(no_provider());
    }
    let stored = tx.account(account)?.map(|a| a.provider);
    let settings = plan.settings_id(tx, account)?;
    let provider = plan.provider(&settings, stored.unwrap_or(Provider::Unipile));
    if plan.clients.serving(provider).is_some() {
        return Ok(());
    }
    let detail = match provider {
        Provider::Sendpilot => format!(
            "Account {account} is connected through SendPilot, which has no profiles or relations to read."
        ),
        provider => format!(
            "Account {account} belongs to {provider}: set base_url and api_key of [{provider}]."
        ),
    };
    Err(Error::conflict("no-provider", detail))
}

fn something_open(
    tx: &Reader<'_>,
    plan: &Plan,
    account: &AccountId,
    now: Timestamp,
) -> Result<(), Error> {
    if tx.poll_bound(account, plan.scope(now), 0)?.is_none() {
        return Err(Error::conflict(
            "nothing-open",
            format!("Account {account} has no open enrollment, so it is never called."),
        ));
    }
    Ok(())
}

fn due(
    tx: &Reader<'_>,
    plan: &Plan,
    account: &AccountId,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let pace = (plan.pace_of)(&plan.settings_id(tx, account)?, now);
    Ok(check_pace(&tx.pace(account)?, &pace, now)
        .err()
        .unwrap_or(now))
}

/// The answer to a profile call.
pub(super) enum ProfileAnswer {
    /// The provider answered with a profile, which is this old.
    Profile(Box<Profile>, Duration),
    /// The provider shows no such profile.
    NoProfile,
    /// The provider gave no usable answer in any attempt.
    NoAnswer,
}

/// Returns what a profile of a connected person claims. Few profiles say since when the two are connected.
fn claim(profile: &Profile, now: Timestamp) -> Claim {
    match profile.connected_at.and_then(|at| at.plausible(now)) {
        Some(at) => Claim::of(Some(at), Precision::Exact),
        None => Claim {
            presumes_connection: true,
            ..Claim::of(None, Precision::UpperBound)
        },
    }
}

/// Applies the answer to a profile call to the prospect it was made for.
pub(super) fn settle(
    routine: &mut Routine<'_>,
    plan: &Plan,
    resync: &ResyncRow,
    seen: &ProfileAnswer,
) -> Result<(), Error> {
    let now = routine.now();
    let settings = plan.settings_id(routine.read(), &resync.account)?;
    let spacing = (plan.pace_of)(&settings, now).spacing;
    routine.resync_called(&resync.id, now.plus(spacing))?;
    let Some(e) = routine.read().enrollment(&resync.enrollment)? else {
        return Ok(());
    };
    let profile = match seen {
        ProfileAnswer::Profile(profile, _) => Some(profile.as_ref()),
        ProfileAnswer::NoProfile | ProfileAnswer::NoAnswer => None,
    };
    // The ids of another person are not stored: they would show under this prospect and survive the erasure of their owner.
    let identity = profile
        .map(|p| &p.person.identity)
        .filter(|identity| resolve::path(&e, identity).is_some());
    let raw = json!({
        "resyncId": resync.id,
        "profile": profile.map(|p| json!({
            "identity": identity, "networkDistance": p.network_distance, "isRelationship": p.is_relationship,
            "connectedAt": p.connected_at,
        })),
    })
    .to_string();
    let why_not = match seen {
        _ if routine.read().canonical_account(&e.account)? != resync.account => Some(
            "The enrollment moved to another account during the call, so the answer proves nothing.",
        ),
        ProfileAnswer::NoProfile => Some("The provider shows no such profile."),
        ProfileAnswer::NoAnswer => {
            Some("The provider gave no usable answer in five attempts; the resync is given up.")
        }
        ProfileAnswer::Profile(..) if identity.is_none() => {
            Some("The provider answered with another person's profile, which proves nothing.")
        }
        ProfileAnswer::Profile(p, age) if !p.is_connected() && !age.is_zero() => Some(
            "The profile shows no connection, but it came from the provider's cache and may be old.",
        ),
        ProfileAnswer::Profile(p, _) if !p.is_connected() => {
            Some("The profile shows no connection.")
        }
        ProfileAnswer::Profile(..) => None,
    };
    if let (None, Some(profile)) = (why_not, profile) {
        let signal = Signal {
            source: Source::Resync,
            account: e.account,
            received_at: now,
            subject: Subject::Enrollment(e.id),
            person: profile.person.clone(),
            claim: claim(profile, now),
            raw,
        };
        routine.apply(&signal, None)?;
        return Ok(());
    }
    routine.record(&LedgerEntry {
        source: Source::Resync,
        account: Some(&resync.account),
        outcome: Outcome::Recorded,
        reason: why_not.unwrap_or_default(),
        raw: &raw,
        enrollment: Some(&e.id),
        identity: identity.unwrap_or(&Identity::default()),
    })
}
