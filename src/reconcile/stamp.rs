//! The stamp: turns evidence into `accepted_at`, a status and an event. Every source ends here. Nothing else writes `accepted_at`,
//! `replied_at` or an accept event. See `docs/rules/stamping.md`.

use serde_json::json;

use super::again::stored_evidence;
use super::announce::invite_data;
use super::decide::{Case, decide};
use super::resolve::{Resolution, resolve};
use super::{Routine, Stamp};
use crate::domain::enrollment::Enrollment;
use crate::domain::error::Error;
use crate::domain::event::{EventType, accept_key, reply_key};
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::domain::signal::{Claim, Outcome, Path, Person, Signal, Source, Subject};
use crate::domain::time::Timestamp;
use crate::store::NewSignal;

/// A piece of evidence, as it was received or as it was stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    /// The account that it came to.
    pub account: &'a AccountId,
    /// The source.
    pub source: Source,
    /// When it was received.
    pub received_at: Timestamp,
    /// The person that it is about.
    pub person: &'a Person,
    /// What it claims.
    pub claim: &'a Claim,
}

impl Piece<'_> {
    /// Whether it proves a connection to the person of `matches`. An own message does if it is the note of an invite of any of
    /// them.
    pub(super) fn is_evidence_for<P>(&self, matches: &[(Enrollment, P)]) -> bool {
        self.claim.only_if_note.is_none()
            || matches
                .iter()
                .any(|(e, _)| e.invite.note_hash == self.claim.only_if_note)
    }
}

/// The result of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, one sentence for a person.
    pub reason: String,
    /// The enrollments that it was tied to.
    pub ties: Vec<(EnrollmentId, Option<Path>)>,
    /// The enrollments that gained an identity by it. Stored evidence may be about them.
    pub(super) gained: Vec<Enrollment>,
}

impl Verdict {
    fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            ties: Vec::new(),
            gained: Vec::new(),
        }
    }

    fn unmatched(account: &AccountId) -> Self {
        Self::new(
            Outcome::Unmatched,
            format!(
                "No enrollment of account {account} is this person; the signal is tried again for 7 days."
            ),
        )
    }

    /// Enrollments of several sibling accounts match.
    pub(super) fn ambiguous(account: &AccountId, matches: &[(Enrollment, Path)]) -> Self {
        let mut verdict = Self::new(
            Outcome::Ambiguous,
            format!(
                "Enrollments of several accounts in the workspace of {account} are this person, and none of {account} itself; nobody was stamped."
            ),
        );
        verdict.ties = ties(matches, |path| Some(*path));
        verdict
    }

    /// An own message that is not the note of a recorded invite. It `waits` if a note may still become known.
    pub(super) fn no_echo(waits: bool) -> Self {
        let reason = if waits {
            "An own message. Its keyed hash is kept for 7 days, in case it turns out to be the note of an invite."
        } else {
            "An own message that is not the note of a recorded invite."
        };
        Self::new(Outcome::Ignored, reason)
    }
}

/// The result of stamping one enrollment.
struct Written {
    /// Whether an accept or a reply was stamped.
    stamped: bool,
    /// The enrollment, if it gained an identity.
    gained: Option<Enrollment>,
}

impl Routine<'_> {
    /// Turns a signal into stamps and a ledger row. `remark` is added to the reason.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the signal names an enrollment that does not exist.
    pub fn apply(&mut self, signal: &Signal, remark: Option<&str>) -> Result<Outcome, Error> {
        let mut verdict = self.judge(signal)?;
        if let Some(remark) = remark {
            verdict.reason = format!("{} {remark}", verdict.reason);
        }
        self.report.signals.push((signal.source, verdict.outcome));
        // Of a poll, only relations that stamp reach the ledger, because the same list is read again and again.
        if signal.source == Source::Poll && verdict.outcome != Outcome::Stamped {
            return Ok(verdict.outcome);
        }
        let evidence = stored_evidence(signal)?;
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
        self.retry_evidence_for(verdict.gained)?;
        Ok(verdict.outcome)
    }

    /// Finds the enrollments that a signal is about, and stamps them.
    fn judge(&mut self, signal: &Signal) -> Result<Verdict, Error> {
        let piece = Piece {
            account: &signal.account,
            source: signal.source,
            received_at: signal.received_at,
            person: &signal.person,
            claim: &signal.claim,
        };
        let (matches, via_sibling) = match &signal.subject {
            Subject::Enrollment(id) => (vec![(self.existing(id)?, None)], false),
            Subject::Person => {
                let identity = &signal.person.identity;
                let candidates = self.tx.candidates(identity)?;
                let own_ids = self.tx.account_ids(piece.account)?;
                match resolve(self.policy, &own_ids, piece.source, identity, candidates) {
                    Resolution::Nobody => return Ok(Verdict::unmatched(piece.account)),
                    Resolution::Ambiguous(matches) => {
                        return Ok(Verdict::ambiguous(piece.account, &matches));
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
        if !piece.is_evidence_for(&matches) {
            let note_is_missing = matches.iter().any(|(e, _)| e.invite.note_hash.is_none());
            return Ok(Verdict::no_echo(note_is_missing));
        }
        self.stamp_all(&piece, matches, via_sibling)
    }

    /// Stamps those of the enrollments that are not stamped yet.
    pub(super) fn stamp_all(
        &mut self,
        piece: &Piece<'_>,
        matches: Vec<(Enrollment, Option<Path>)>,
        via_sibling: bool,
    ) -> Result<Verdict, Error> {
        let mut verdict = Verdict::new(Outcome::AlreadyStamped, "");
        verdict.ties = ties(&matches, |path| *path);
        let mut stamped = Vec::new();
        for (e, path) in matches {
            let known = e.id.clone();
            let written = self.stamp(e, piece, path, via_sibling)?;
            if written.stamped {
                stamped.push(known);
            }
            verdict.gained.extend(written.gained);
        }
        verdict.reason = if stamped.is_empty() {
            "This accept was already stamped.".to_owned()
        } else {
            verdict.outcome = Outcome::Stamped;
            sentence(&stamped, piece.source, via_sibling)
        };
        Ok(verdict)
    }

    /// Stamps one enrollment.
    fn stamp(
        &mut self,
        mut e: Enrollment,
        piece: &Piece<'_>,
        path: Option<Path>,
        via_sibling: bool,
    ) -> Result<Written, Error> {
        let Piece { person, claim, .. } = *piece;
        let campaign = self
            .tx
            .campaign(&e.campaign)?
            .ok_or_else(|| {
                Error::Internal(format!(
                    "the campaign of enrollment {:?} does not exist",
                    e.id
                ))
            })?
            .facts();
        let decision = decide(&Case {
            enrollment: &e,
            campaign: &campaign,
            source: piece.source,
            received_at: piece.received_at,
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
        let known = e.identity.clone();
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
        if gained {
            self.tx.update_identity(e.seq, &known, &e.identity)?;
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
        campaign: &crate::domain::campaign::CampaignFacts,
        replied_at: Timestamp,
        claim: &Claim,
        with_the_accept: bool,
    ) -> Result<(), Error> {
        let key = reply_key(&e.account, &e.id);
        let mut data = invite_data(&key, e, campaign);
        data.message_preview = Some(claim.preview.clone());
        // A new reply to an old accept is no backfill. A reply that is found together with an old accept is.
        let backfill = replied_at < self.now.minus(self.policy.announce_within)
            || (with_the_accept && data.backfill);
        self.announce(EventType::ReplyReceived, &key, e, &data, backfill)?;
        Ok(())
    }

    fn report_stamp(
        &mut self,
        e: &Enrollment,
        accepted: bool,
        replied_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let Some(accept) = &e.accept else {
            return Ok(());
        };
        self.tx.record_change(
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
