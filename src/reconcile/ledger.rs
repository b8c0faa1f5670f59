//! What is written to the ledger beside the stamp.

use super::Routine;
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::signal::{EventRef, Outcome, Source};
use crate::store::{Error, NewSignal};

/// Something for the ledger that stamps nothing.
#[derive(Debug, Clone, Copy)]
pub struct Noted<'a> {
    /// Where it came from.
    pub source: Source,
    /// The account, where one is named.
    pub account: Option<&'a AccountId>,
    /// What it led to.
    pub outcome: Outcome,
    /// Why, one sentence for a person.
    pub reason: &'a str,
    /// The body, a JSON text without the text of any message.
    pub raw: &'a str,
    /// The enrollment that it names, where there is one.
    pub enrollment: Option<&'a EnrollmentId>,
    /// Whom it is about: by this it is found when the person is erased.
    pub identity: &'a Identity,
}

impl Routine<'_> {
    /// Remembers the id that a provider gave an event. Returns whether it is new.
    pub fn remember_event(&mut self, event: &EventRef) -> Result<bool, Error> {
        self.tx.remember_event(event)
    }

    /// Writes a ledger row for something that is not evidence or proves nothing.
    ///
    /// # Errors
    /// The store's.
    pub fn keep(&mut self, noted: &Noted<'_>) -> Result<(), Error> {
        let ties: Vec<_> = noted
            .enrollment
            .map(|id| (id.clone(), None))
            .into_iter()
            .collect();
        self.report.signals.push((noted.source, noted.outcome));
        self.tx.insert_signal(&NewSignal {
            received_at: self.now,
            source: noted.source,
            account: noted.account.map(AccountId::as_str),
            outcome: noted.outcome,
            reason: noted.reason,
            identity: noted.identity,
            evidence: None,
            raw: noted.raw,
            enrollments: &ties,
        })?;
        Ok(())
    }
}
