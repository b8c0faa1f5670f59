//! What a Unipile webhook does in the writer's transaction: its event id is remembered, evidence goes to the stamping routine,
//! and the state of an account is stored.

use super::{UnipileEvent, UnipileKind};
use crate::domain::identity::Identity;
use crate::domain::signal::{Outcome, Source};
use crate::intake::ledger::{SEEN_BEFORE, is_duplicate, record};
use crate::reconcile::{LedgerEntry, Routine};
use crate::store::Error;

/// Applies a webhook of Unipile. Returns what it led to.
pub fn apply(routine: &mut Routine<'_>, event: &UnipileEvent) -> Result<Outcome, Error> {
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
    let entry = LedgerEntry {
        source,
        account,
        outcome: Outcome::Duplicate,
        reason: SEEN_BEFORE,
        raw: &event.raw,
        enrollment: None,
        identity,
    };
    if is_duplicate(routine, event.event_ref.as_ref(), &entry)? {
        return Ok(Outcome::Duplicate);
    }
    match &event.kind {
        UnipileKind::Evidence(signal) => {
            routine.ensure_account(&signal.account, event.api)?;
            routine.apply(signal, None)
        }
        UnipileKind::Account {
            account,
            message,
            report,
        } => {
            routine.ensure_account(account, event.api)?;
            routine.account_reported(account, *report, message)?;
            record(
                routine,
                &LedgerEntry {
                    outcome: Outcome::Recorded,
                    reason: &format!("The provider reported the account status {message}."),
                    ..entry
                },
            )
        }
        UnipileKind::Ignored { reason, .. } => record(
            routine,
            &LedgerEntry {
                outcome: Outcome::Ignored,
                reason,
                ..entry
            },
        ),
    }
}
