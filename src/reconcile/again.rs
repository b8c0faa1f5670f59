//! Stored evidence: it is kept for seven days and tried again for every enrollment that is new or gained an identity. So
//! enrollments are stamped whatever the order in which they and the signals arrive.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::resolve::{Resolution, resolve};
use super::stamp::{Piece, Verdict};
use super::{Routine, Warning};
use crate::domain::enrollment::Enrollment;
use crate::domain::error::Error;
use crate::domain::ids::AccountId;
use crate::domain::signal::{
    Claim, EVIDENCE_RETRY_WINDOW, Outcome, Path, Person, Signal, Source, Subject,
};
use crate::store::Evidence;

/// Added to the reason of a signal that came before its enrollment.
const CAME_BEFORE: &str = "It had come before the enrollment.";
/// Added to the reason of a signal that stamped an enrollment and later stamps another one.
const STAMPED_LATER_ONES: &str = "It also stamped enrollments that were created later.";

/// The part of a signal that is stored to try it again.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredEvidence {
    person: Person,
    claim: Claim,
}

/// Returns what is stored of a signal to try it again, or `None` for a signal that names its enrollment. Of a message, no name is
/// stored.
pub(super) fn stored_evidence(signal: &Signal) -> Result<Option<String>, Error> {
    if signal.subject != Subject::Person {
        return Ok(None);
    }
    let mut person = signal.person.clone();
    if matches!(signal.source, Source::Reply | Source::NoteEcho) {
        person.name = None;
        person.headline = None;
    }
    text(StoredEvidence {
        person,
        claim: signal.claim.clone(),
    })
    .map(Some)
}

/// Returns what is stored of evidence that names no person.
pub(super) fn kept_claim(claim: &Claim) -> Result<String, Error> {
    text(StoredEvidence {
        person: Person::default(),
        claim: claim.clone(),
    })
}

fn text(kept: StoredEvidence) -> Result<String, Error> {
    let mut kept = serde_json::to_value(kept)?;
    strip_defaults(&mut kept);
    Ok(kept.to_string())
}

/// Removes null and false, because every accept stores this text.
fn strip_defaults(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null() && *value != Value::Bool(false));
        fields.values_mut().for_each(strip_defaults);
    }
}

impl Routine<'_> {
    /// Tries the evidence again, oldest first, that may be about an enrollment that is new or gained an identity.
    pub fn retry_evidence(&mut self) -> Result<(), Error> {
        let ids = std::mem::take(&mut self.evidence_wanted_for);
        let mut tried = BTreeSet::new();
        for id in ids {
            if tried.insert(id.clone())
                && let Some(e) = self.tx.enrollment(&id)?
            {
                self.retry_evidence_for(vec![e])?;
            }
        }
        Ok(())
    }

    /// Tries the evidence again for these enrollments, one after the other. An enrollment that gains an identity by it is added.
    pub(super) fn retry_evidence_for(&mut self, mut gained: Vec<Enrollment>) -> Result<(), Error> {
        while let Some(e) = gained.pop() {
            let siblings = self.policy.with_siblings(&e.account);
            let since = self.now.minus(EVIDENCE_RETRY_WINDOW);
            let mut found = self.tx.signals_for(&e, siblings, since)?;
            for other in self.tx.account_ids(&e.account)? {
                if other != e.account {
                    // The evidence may have come under another id of the account.
                    let twin = Enrollment {
                        account: other,
                        ..e.clone()
                    };
                    found.extend(self.tx.signals_for(&twin, None, since)?);
                }
            }
            for id in found {
                if let Some(evidence) = self.tx.evidence(id)? {
                    gained.extend(self.retry_one(&evidence, &e)?);
                }
            }
            gained.extend(self.try_listed_lead(&e)?);
        }
        Ok(())
    }

    /// Tries one piece of evidence for one enrollment. Returns the enrollments that gained an identity by it.
    fn retry_one(&mut self, evidence: &Evidence, e: &Enrollment) -> Result<Vec<Enrollment>, Error> {
        let tied = self.tx.tied_to(evidence.id)?;
        let acted = acted(evidence.outcome);
        if acted && tied.iter().any(|(id, _)| *id == e.id) {
            return Ok(Vec::new());
        }
        let (account, kept) = match read(evidence) {
            Ok(read) => read,
            Err(error) => {
                let signal = evidence.id;
                self.warn(Warning::UnreadableEvidence { signal, error });
                return Ok(Vec::new());
            }
        };
        let own_ids = self.tx.account_ids(&account)?;
        // Only webhooks consider siblings.
        if !own_ids.contains(&e.account) && evidence.source != Source::Webhook {
            return Ok(Vec::new());
        }
        let piece = Piece {
            account: &account,
            source: evidence.source,
            received_at: evidence.received_at,
            person: &kept.person,
            claim: &kept.claim,
        };
        let identity = &kept.person.identity;
        let candidates = self.tx.candidates(identity)?;
        let is_this = |(other, _): &(Enrollment, Path)| other.id == e.id;
        match resolve(self.policy, &own_ids, evidence.source, identity, candidates) {
            Resolution::Ambiguous(matches) if matches.iter().any(is_this) && !acted => {
                self.settle_again(evidence, &Verdict::ambiguous(&account, &matches))?;
                Ok(Vec::new())
            }
            Resolution::Found {
                mut matches,
                via_sibling,
            } if matches.iter().any(is_this) => {
                // One accept belongs to one sibling account at most, even if the configuration of siblings changed meanwhile.
                let elsewhere = |owner: &AccountId| !own_ids.contains(owner) && *owner != e.account;
                if via_sibling && acted && tied.iter().any(|(_, owner)| elsewhere(owner)) {
                    return Ok(Vec::new());
                }
                if !piece.is_evidence_for(&matches) {
                    self.no_echo(evidence, &matches)?;
                    return Ok(Vec::new());
                }
                // An echo whose note is known only now was no evidence before. It counts for everybody that it would have stamped.
                if kept.claim.only_if_note.is_none() || acted {
                    matches.retain(is_this);
                }
                let matches = matches
                    .into_iter()
                    .map(|(e, path)| (e, Some(path)))
                    .collect();
                let verdict = self.stamp_all(&piece, matches, via_sibling)?;
                self.settle_again(evidence, &verdict)?;
                Ok(verdict.gained)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Records that an own message, which matched nobody when it came, matches now but is not the note of an invite.
    fn no_echo(
        &mut self,
        evidence: &Evidence,
        matches: &[(Enrollment, Path)],
    ) -> Result<(), Error> {
        let all_known = matches.iter().all(|(e, _)| e.invite.note_hash.is_some());
        if evidence.outcome == Outcome::Unmatched && all_known {
            self.settle_again(evidence, &Verdict::no_echo(false))?;
        }
        Ok(())
    }

    /// Stores the outcome of this attempt. The ledger row names all enrollments that the evidence stamped, and never loses one.
    fn settle_again(&mut self, evidence: &Evidence, verdict: &Verdict) -> Result<(), Error> {
        let stamped_before = evidence.outcome == Outcome::Stamped;
        let stamps = verdict.outcome == Outcome::Stamped;
        let acted = acted(evidence.outcome);
        let outcome = if acted && !stamps {
            evidence.outcome
        } else {
            verdict.outcome
        };
        let reason = match (stamps, acted) {
            (true, _) if stamped_before && evidence.reason.ends_with(STAMPED_LATER_ONES) => {
                evidence.reason.clone()
            }
            (true, _) if stamped_before => format!("{} {STAMPED_LATER_ONES}", evidence.reason),
            (false, true) => evidence.reason.clone(),
            _ => format!("{} {CAME_BEFORE}", verdict.reason),
        };
        if stamps || outcome != evidence.outcome {
            self.report.signals.push((evidence.source, outcome));
        }
        // The ties of an ambiguous signal are to siblings that it does not stamp.
        if evidence.outcome == Outcome::Ambiguous && outcome != Outcome::Ambiguous {
            self.tx.untie(evidence.id)?;
        }
        self.tx
            .set_outcome(evidence.id, outcome, &reason, &verdict.ties)
    }
}

/// Whether a signal with this outcome is tied to the enrollments that it is about.
fn acted(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Stamped | Outcome::AlreadyStamped)
}

/// Reads what was kept. It can't be read if a later version wrote it or the disk damaged it.
fn read(evidence: &Evidence) -> Result<(AccountId, StoredEvidence), String> {
    let account = AccountId::parse(&evidence.account).map_err(|error| error.to_string())?;
    let kept = serde_json::from_str(&evidence.body).map_err(|error| error.to_string())?;
    Ok((account, kept))
}

#[cfg(test)]
mod tests;
