//! Ledger rows for what stamps nothing.

use super::Routine;
use crate::domain::error::Error;
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::signal::{EventRef, Outcome, Source};
use crate::store::NewSignal;

/// A ledger row for something that stamps nothing.
#[derive(Debug, Clone, Copy)]
pub struct LedgerEntry<'a> {
    /// The source.
    pub source: Source,
    /// The account, if one is named.
    pub account: Option<&'a AccountId>,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, one sentence for a person.
    pub reason: &'a str,
    /// The body as JSON, without the text of any message.
    pub raw: &'a str,
    /// The enrollment that it names, if any.
    pub enrollment: Option<&'a EnrollmentId>,
    /// The person it is about. When the person is erased, the row is found by this.
    pub identity: &'a Identity,
}

impl Routine<'_> {
    /// Remembers the id that a provider gave an event. Returns whether it is new.
    pub fn remember_event(&mut self, event: &EventRef) -> Result<bool, Error> {
        self.tx.remember_event(event)
    }

    /// Writes a ledger row for something that is not evidence.
    pub fn record(&mut self, entry: &LedgerEntry<'_>) -> Result<(), Error> {
        let ties: Vec<_> = entry
            .enrollment
            .map(|id| (id.clone(), None))
            .into_iter()
            .collect();
        self.report.signals.push((entry.source, entry.outcome));
        self.tx.insert_signal(&NewSignal {
            received_at: self.now,
            source: entry.source,
            account: entry.account.map(AccountId::as_str),
            outcome: entry.outcome,
            reason: entry.reason,
            identity: entry.identity,
            evidence: None,
            raw: entry.raw,
            enrollments: &ties,
        })?;
        Ok(())
    }
}
