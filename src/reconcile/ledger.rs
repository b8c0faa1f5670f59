//! What is written to the ledger beside the stamp, and the signals in it that wait for an enrollment (contract section 5.2).

use serde::{Deserialize, Serialize};

use super::Routine;
use crate::domain::enrollment::Enrollment;
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::signal::{Claim, Person, Signal, Subject};
use crate::domain::words::{Outcome, Source};
use crate::store::{Error, NewSignal};

/// How long a signal that matched nobody is tried again (contract section 5.2).
const RETRY_WITHIN: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// What of a signal is kept to try it again.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    person: Person,
    claim: Claim,
}

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
    /// What is kept to try an unmatched signal again. Of a message that is ids only, no name (contract section 5.3).
    pub(super) fn evidence(
        &self,
        signal: &Signal,
        outcome: Outcome,
    ) -> Result<Option<String>, Error> {
        if outcome != Outcome::Unmatched {
            return Ok(None);
        }
        let mut person = signal.person.clone();
        if matches!(signal.source, Source::Reply | Source::NoteEcho) {
            person.name = None;
            person.headline = None;
        }
        let kept = Kept {
            person,
            claim: signal.claim.clone(),
        };
        Ok(Some(serde_json::to_string(&kept)?))
    }

    /// Writes a ledger row for something that is not evidence or proves nothing.
    ///
    /// # Errors
    /// The store's.
    pub fn note(
        &mut self,
        source: Source,
        account: Option<&AccountId>,
        outcome: Outcome,
        reason: &str,
        raw: &str,
        enrollment: Option<&EnrollmentId>,
    ) -> Result<(), Error> {
        self.keep(&Noted {
            source,
            account,
            outcome,
            reason,
            raw,
            enrollment,
            identity: &Identity::default(),
        })
    }

    /// As [`Self::note`], for something that says whom it is about.
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

    /// Tries the unmatched signals again that may be about an enrollment that is new or gained an identity, oldest first.
    ///
    /// # Errors
    /// The store's.
    pub fn retry_unmatched(&mut self) -> Result<(), Error> {
        for id in std::mem::take(&mut self.waited_for) {
            if let Some(e) = self.tx.enrollment(&id)? {
                self.retry_for(vec![e])?;
            }
        }
        Ok(())
    }

    /// One enrollment after the other: what one signal stamps may let another be recognised, but each is judged once.
    pub(super) fn retry_for(&mut self, mut waiting_for: Vec<Enrollment>) -> Result<(), Error> {
        while let Some(e) = waiting_for.pop() {
            waiting_for.extend(self.retry_once(&e)?);
        }
        Ok(())
    }

    fn retry_once(&mut self, e: &Enrollment) -> Result<Vec<Enrollment>, Error> {
        let invite = Identity {
            provider_id: e.invite.provider_id.clone(),
            member_number: e.invite.number,
            ..Identity::default()
        };
        let since = self.now.minus(RETRY_WITHIN);
        let mut gained = Vec::new();
        for waiting in self.tx.unmatched_like(&e.identity, &invite, since)? {
            let kept: Kept = serde_json::from_str(&waiting.evidence)?;
            let account = AccountId::parse(&waiting.account)
                .map_err(|error| Error::Internal(error.to_string()))?;
            let verdict = self.judge(
                &account,
                waiting.source,
                waiting.received_at,
                &Subject::Person,
                &kept.person,
                &kept.claim,
            )?;
            if verdict.outcome != Outcome::Unmatched && !verdict.no_note_yet {
                self.report.signals.push((waiting.source, verdict.outcome));
                let reason = format!("{} It had come before the enrollment.", verdict.reason);
                self.tx
                    .set_outcome(waiting.id, verdict.outcome, &reason, &verdict.ties)?;
                gained.extend(verdict.gained);
            }
        }
        Ok(gained)
    }
}
