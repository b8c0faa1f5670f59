//! The stamp: the one routine that turns evidence into `accepted_at`, a status and an event. Every source ends here; nothing
//! else writes `accepted_at`, `replied_at` or an accept event (contract section 6).

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::announce::invite_data;
use super::decide::{Case, decide};
use super::resolve::{Resolution, resolve};
use super::{Routine, Stamp};
use crate::domain::enrollment::Enrollment;
use crate::domain::event::{accept_key, reply_key};
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::signal::{Claim, Person, Signal, Subject};
use crate::domain::time::Ms;
use crate::domain::words::{EventType, Outcome, Path, Source};
use crate::store::{Error, NewSignal};

/// How long a signal that matched nobody is tried again (contract section 5.2).
const RETRY_WITHIN: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// What of a signal is kept to try it again.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    person: Person,
    claim: Claim,
}

/// What a signal led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// Why, one sentence for a person.
    pub reason: String,
    /// The enrollments it was tied to.
    pub ties: Vec<(EnrollmentId, Option<Path>)>,
    /// The enrollments that gained an identity by it; signals that wait may be about them.
    gained: Vec<Enrollment>,
    /// Whether it was set aside only for want of a recorded note that it could be the echo of.
    no_note_yet: bool,
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

impl Verdict {
    fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            ties: Vec::new(),
            gained: Vec::new(),
            no_note_yet: false,
        }
    }
}

/// What a write did.
struct Written {
    /// Whether an accept or a reply was stamped.
    stamped: bool,
    /// The enrollment, where it gained an identity.
    gained: Option<Enrollment>,
}

impl Routine<'_> {
    /// Turns a signal into stamps and a ledger row. `remark` is added to the reason.
    ///
    /// # Errors
    /// The store's; [`Error::NotFound`] when the signal names an enrollment that does not exist.
    pub fn apply(&mut self, signal: &Signal, remark: Option<&str>) -> Result<Outcome, Error> {
        let mut verdict = self.judge(
            &signal.account,
            signal.source,
            signal.received_at,
            &signal.subject,
            &signal.person,
            &signal.claim,
        )?;
        if let Some(remark) = remark {
            verdict.reason = format!("{} {remark}", verdict.reason);
        }
        self.report.signals.push((signal.source, verdict.outcome));
        // Of a poll, only relations that stamp reach the ledger (contract section 5.2): a list is read again and again.
        if signal.source == Source::Poll && verdict.outcome != Outcome::Stamped {
            return Ok(verdict.outcome);
        }
        let evidence = self.evidence(signal, verdict.outcome)?;
        self.tx.insert_signal(&NewSignal {
            received_at: signal.received_at,
            source: signal.source,
            account: Some(signal.account.as_str()),
            outcome: verdict.outcome,
            reason: &verdict.reason,
            identity: &signal.person.identity,
            evidence: evidence.as_deref(),
            raw: &signal.raw,
            enrollments: &verdict.ties,
        })?;
        self.retry_for(verdict.gained)?;
        Ok(verdict.outcome)
    }

    /// What is kept to try an unmatched signal again. Of a message that is ids only, no name (contract section 5.3).
    fn evidence(&self, signal: &Signal, outcome: Outcome) -> Result<Option<String>, Error> {
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

    /// Tries the unmatched signals again that may be about this enrollment, oldest first: it is new, or it gained an identity.
    ///
    /// # Errors
    /// The store's.
    pub fn retry_unmatched(&mut self, e: &Enrollment) -> Result<(), Error> {
        self.retry_for(vec![e.clone()])
    }

    /// One enrollment after the other: what one signal stamps may let another be recognised, but each is judged once.
    fn retry_for(&mut self, mut waiting_for: Vec<Enrollment>) -> Result<(), Error> {
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

    fn judge(
        &mut self,
        account: &AccountId,
        source: Source,
        received_at: Ms,
        subject: &Subject,
        person: &Person,
        claim: &Claim,
    ) -> Result<Verdict, Error> {
        let (matches, via_sibling) = match subject {
            Subject::Enrollment(id) => {
                let e = self
                    .tx
                    .enrollment(id)?
                    .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
                (vec![(e, None)], false)
            }
            Subject::Person => {
                let candidates = self.tx.candidates(&person.identity)?;
                match resolve(self.policy, account, source, &person.identity, candidates) {
                    Resolution::Nobody => {
                        return Ok(Verdict::new(
                            Outcome::Unmatched,
                            format!(
                                "No enrollment of account {account} is this person; the signal is tried again for 7 days."
                            ),
                        ));
                    }
                    Resolution::Ambiguous(matches) => {
                        let mut verdict = Verdict::new(
                            Outcome::Ambiguous,
                            format!(
                                "Enrollments of several accounts in the workspace of {account} are this person, and none of {account} itself; nobody was stamped."
                            ),
                        );
                        verdict.ties = ties(&matches, |path| Some(*path));
                        return Ok(verdict);
                    }
                    Resolution::Found {
                        matches,
                        via_sibling,
                    } => (
                        matches
                            .into_iter()
                            .map(|(e, path)| (e, Some(path)))
                            .collect(),
                        via_sibling,
                    ),
                }
            }
        };
        let no_note_yet = matches.iter().any(|(e, _)| e.invite.note_hash.is_none());
        let echoes: Vec<_> = matches
            .into_iter()
            .filter(|(e, _)| {
                claim.only_if_note.is_none() || e.invite.note_hash == claim.only_if_note
            })
            .collect();
        if echoes.is_empty() {
            let mut verdict = Verdict::new(
                Outcome::Ignored,
                "An own message that is not the note of a recorded invite.",
            );
            verdict.no_note_yet = no_note_yet;
            return Ok(verdict);
        }
        let mut verdict = Verdict::new(Outcome::AlreadyStamped, "");
        verdict.ties = ties(&echoes, |path| *path);
        let mut stamped = Vec::new();
        for (e, path) in echoes {
            let known = e.id.clone();
            let written = self.stamp(e, source, received_at, person, claim, path, via_sibling)?;
            if written.stamped {
                stamped.push(known);
            }
            verdict.gained.extend(written.gained);
        }
        verdict.reason = if stamped.is_empty() {
            "The accept had been stamped before.".to_owned()
        } else {
            verdict.outcome = Outcome::Stamped;
            sentence(&stamped, source, via_sibling)
        };
        Ok(verdict)
    }

    /// The write.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call, and each is a fact of the case"
    )]
    fn stamp(
        &mut self,
        mut e: Enrollment,
        source: Source,
        received_at: Ms,
        person: &Person,
        claim: &Claim,
        path: Option<Path>,
        via_sibling: bool,
    ) -> Result<Written, Error> {
        let campaign = self
            .tx
            .campaign(&e.campaign)?
            .ok_or_else(|| Error::Internal(format!("the campaign of {:?} is gone", e.id)))?
            .facts();
        let decision = decide(&Case {
            enrollment: &e,
            campaign: &campaign,
            source,
            received_at,
            claim,
            path,
            via_sibling,
            announce_within: self.policy.announce_within,
            now: self.now,
        });
        if !decision.stamps() && decision.status == e.status {
            return Ok(Written {
                stamped: false,
                gained: None,
            });
        }
        let mut gained = false;
        if decision.stamps() {
            e.name = e.name.or_else(|| person.name.clone());
            e.headline = e.headline.or_else(|| person.headline.clone());
            gained = e.identity.fill_from(&person.identity);
        }
        let key = accept_key(&e.account, &e.id);
        e.status = decision.status;
        e.status_at = decision.status_at;
        e.replied_at = e.replied_at.or(decision.replied_at);
        if let Some(accept) = &decision.accept {
            e.accept = Some(accept.clone());
            self.plan_next_step(&mut e, &campaign)?;
            let data = invite_data(&key, &e, &campaign);
            self.announce(EventType::InviteAccepted, &key, &e, &data, accept.backfill)?;
        }
        self.tx
            .write_stamp(&e, e.accept.is_some().then_some(key.as_str()))?;
        if gained || decision.accept.is_some() {
            self.tx.update_enrollment(&e)?;
        }
        if let Some(replied_at) = decision.replied_at {
            self.announce_reply(&e, &campaign, replied_at, claim, decision.accept.is_some())?;
        }
        if decision.stamps() {
            self.report_stamp(&e, decision.accept.is_some(), decision.replied_at)?;
        }
        Ok(Written {
            stamped: decision.stamps(),
            gained: gained.then_some(e),
        })
    }

    fn announce_reply(
        &mut self,
        e: &Enrollment,
        campaign: &crate::domain::enrollment::CampaignFacts,
        replied_at: Ms,
        claim: &Claim,
        with_the_accept: bool,
    ) -> Result<(), Error> {
        let key = reply_key(&e.account, &e.id);
        let mut data = invite_data(&key, e, campaign);
        data.message_preview = Some(claim.preview.clone());
        // A fresh reply to an old accept is news; one that was found together with an old accept is not.
        let old_news = replied_at < self.now.minus(self.policy.announce_within)
            || (with_the_accept && data.backfill);
        self.announce(EventType::ReplyReceived, &key, e, &data, old_news)?;
        Ok(())
    }

    fn report_stamp(
        &mut self,
        e: &Enrollment,
        accepted: bool,
        replied_at: Option<Ms>,
    ) -> Result<(), Error> {
        let Some(accept) = &e.accept else {
            return Ok(());
        };
        self.tx.tell_change(
            "stamp",
            &json!({
                "enrollmentId": e.id, "accountId": e.account, "campaignId": e.campaign, "status": e.status,
                "acceptedAt": accept.at, "acceptedAtPrecision": accept.precision, "detectedAt": accept.detected_at,
                "source": accept.source, "path": accept.path, "late": accept.late,
                "preConnected": accept.pre_connected, "repliedAt": e.replied_at, "accepted": accepted,
            }),
            self.now,
        )?;
        self.report.stamps.push(Stamp {
            enrollment: e.id.clone(),
            account: e.account.clone(),
            campaign: e.campaign.clone(),
            accept: accept.clone(),
            accepted,
            replied_at,
        });
        Ok(())
    }
}

fn ties<P>(
    matches: &[(Enrollment, P)],
    path: impl Fn(&P) -> Option<Path>,
) -> Vec<(EnrollmentId, Option<Path>)> {
    matches
        .iter()
        .map(|(e, p)| (e.id.clone(), path(p)))
        .collect()
}

fn sentence(stamped: &[EnrollmentId], source: Source, via_sibling: bool) -> String {
    let who = match source {
        Source::Webhook => "The provider reported the new relation",
        Source::Poll => "The relations list names the person",
        Source::AlreadyConnected => "The provider refused the invite because the two are connected",
        Source::Reply => "The prospect wrote back",
        Source::NoteEcho => "The invite's note opened the chat",
        Source::Sendpilot => "SendPilot reported it",
        Source::Resync => "The profile shows the connection",
        Source::Manual => "A person stamped it by hand",
    };
    let sibling = if via_sibling {
        ", to a sibling account"
    } else {
        ""
    };
    let n = stamped.len();
    let what = if n == 1 {
        "the enrollment was stamped".to_owned()
    } else {
        format!("{n} enrollments were stamped")
    };
    format!("{who}{sibling}: {what}.")
}
