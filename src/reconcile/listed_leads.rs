//! Leads of SendPilot's own list. It repairs what webhooks missed. See `docs/rules/signals.md`.
//!
//! The list says where a lead is now. It names no account, so a lead that is not enrolled waits under its id.

use serde_json::json;

use super::Routine;
use super::again::kept_claim;
use super::stamp::Piece;
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::identity::Identity;
use crate::domain::ids::EnrollmentId;
use crate::domain::signal::{
    Claim, EVIDENCE_RETRY_WINDOW, Outcome, Person, Precision, Signal, Source, Subject,
};
use crate::domain::time::Timestamp;
use crate::store::{Error, ListedLead, NewSignal};

/// The reason in the ledger for a lead that is not enrolled.
const WAITS: &str = "SendPilot lists this lead as accepted, but no enrollment has its id; it is tried again for 7 days.";
/// The reason in the ledger for a waiting lead whose enrollment was accepted before it was tried.
const STAMPED_BEFORE: &str = "The accept was already stamped.";

impl Routine<'_> {
    /// Applies a lead of the list. Returns what it led to, or `None` if nothing changed since the lead was read before, or if its
    /// status does not prove an accept.
    pub fn apply_listed_lead(
        &mut self,
        id: &EnrollmentId,
        status: Status,
        updated_at: Option<Timestamp>,
    ) -> Result<Option<Outcome>, Error> {
        if !status.needs_accept() {
            return Ok(None);
        }
        let known = self.tx.listed_lead(id)?;
        let is_news = known
            .as_ref()
            .is_none_or(|known| (known.status, known.updated_at) != (status, updated_at));
        let waits = known.is_some_and(|known| known.waits.is_some());
        if !is_news && !waits {
            return Ok(None);
        }
        let mut lead = ListedLead {
            status,
            updated_at,
            waits: None,
        };
        let Some(e) = self.tx.enrollment(id)? else {
            if !is_news {
                return Ok(None);
            }
            lead.waits = Some((self.now, self.keep_waiting_lead(id, &lead)?));
            self.tx.set_listed_lead(id, &lead)?;
            return Ok(Some(Outcome::Unmatched));
        };
        self.tx.set_listed_lead(id, &lead)?;
        let outcome = self.apply(
            &Signal {
                source: Source::Sendpilot,
                account: e.account.clone(),
                received_at: self.now,
                subject: Subject::Enrollment(id.clone()),
                person: Person::default(),
                claim: claim(&lead, Some(&e), self.now),
                raw: raw(id, &lead),
            },
            None,
        )?;
        self.keep_status_time(&e, &lead)?;
        Ok(Some(outcome))
    }

    /// Applies the lead that waits under the id of an enrollment, if it was listed within the last seven days. Returns the enrollment
    /// if it gained an identity.
    pub(super) fn try_listed_lead(&mut self, e: &Enrollment) -> Result<Vec<Enrollment>, Error> {
        let Some(mut lead) = self.tx.listed_lead(&e.id)? else {
            return Ok(Vec::new());
        };
        let Some((since, signal)) = lead.waits.take() else {
            return Ok(Vec::new());
        };
        if since < self.now.minus(EVIDENCE_RETRY_WINDOW) || self.tx.signal(signal)?.is_none() {
            return Ok(Vec::new());
        }
        // The enrollment may have been stamped by other evidence in this transaction.
        let Some(e) = &self.tx.enrollment(&e.id)? else {
            return Ok(Vec::new());
        };
        let (person, claim) = (Person::default(), claim(&lead, Some(e), self.now));
        let piece = Piece {
            account: &e.account,
            source: Source::Sendpilot,
            received_at: since,
            person: &person,
            claim: &claim,
        };
        self.tx.set_listed_lead(&e.id, &lead)?;
        let mut verdict = self.stamp_all(&piece, vec![(e.clone(), None)], false)?;
        if verdict.outcome != Outcome::Stamped {
            verdict.reason = STAMPED_BEFORE.to_owned();
        }
        self.report
            .signals
            .push((Source::Sendpilot, verdict.outcome));
        self.tx
            .set_outcome(signal, verdict.outcome, &verdict.reason, &verdict.ties)?;
        self.keep_status_time(e, &lead)?;
        Ok(verdict.gained)
    }

    /// Lists a lead that is not enrolled in the ledger. Returns the id of the row.
    fn keep_waiting_lead(&mut self, id: &EnrollmentId, lead: &ListedLead) -> Result<i64, Error> {
        let evidence = kept_claim(&claim(lead, None, self.now))?;
        self.report
            .signals
            .push((Source::Sendpilot, Outcome::Unmatched));
        self.tx.insert_signal(&NewSignal {
            received_at: self.now,
            source: Source::Sendpilot,
            account: None,
            outcome: Outcome::Unmatched,
            reason: WAITS,
            identity: &Identity::default(),
            evidence: Some(&evidence),
            raw: &raw(id, lead),
            enrollments: &[],
        })
    }

    /// Stores the time of the status that the list set or confirmed, so that an older event does not override it.
    fn keep_status_time(&self, before: &Enrollment, lead: &ListedLead) -> Result<(), Error> {
        let at = lead.updated_at.and_then(|at| at.plausible(self.now));
        let (Some(at), Some(mut e)) = (at, self.tx.enrollment(&before.id)?) else {
            return Ok(());
        };
        let set = e.status != before.status || e.status == lead.status;
        if set && e.status_at < Some(at) {
            e.status_at = Some(at);
            self.tx.update_enrollment(&e)?;
        }
        Ok(())
    }
}

/// What the list claims about a lead: it was accepted, and perhaps replied to, at or before its last change.
fn claim(lead: &ListedLead, e: Option<&Enrollment>, now: Timestamp) -> Claim {
    let at = lead.updated_at.and_then(|at| at.plausible(now));
    let known_since = e.and_then(|e| e.status_at);
    let is_outdated = known_since.zip(at).is_some_and(|(known, at)| at < known);
    Claim {
        reply: lead.status == Status::ReplyReceived,
        status: (!is_outdated).then_some(lead.status),
        ..Claim::of(at, Precision::UpperBound)
    }
}

fn raw(id: &EnrollmentId, lead: &ListedLead) -> String {
    json!({"listedLead": {"id": id, "status": lead.status, "updatedAt": lead.updated_at}})
        .to_string()
}
