//! Invites: what a sender got from the provider for one. See `docs/rules/signals.md`.

use serde_json::Value;

use super::{LedgerEntry, Routine};
use crate::domain::enrollment::{Enrollment, Invite, Status};
use crate::domain::error::Error;
use crate::domain::identity::Identity;
use crate::domain::ids::{CampaignId, EnrollmentId};
use crate::domain::signal::{Claim, Outcome, Person, Precision, Signal, Source, Subject};
use crate::domain::time::Timestamp;

/// What a sender got from the provider for one invite.
#[derive(Debug, Clone, PartialEq)]
pub struct InviteResult {
    /// The enrollment that the invite was for.
    pub enrollment: EnrollmentId,
    /// The provider id that the invite was sent to.
    pub provider_id: Option<String>,
    /// The note of the invite.
    pub note: Option<String>,
    /// When the invite was sent.
    pub at: Option<Timestamp>,
    /// The status code of the provider's answer.
    pub http_status: u16,
    /// The body of the provider's answer.
    pub response: Value,
}

impl Routine<'_> {
    /// Records an invite, or stamps the enrollment if the provider says that the two are already connected. Returns the enrollment
    /// as it stands afterwards.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown enrollment.
    pub fn invite_result(&mut self, result: &InviteResult) -> Result<Enrollment, Error> {
        let e = self.existing(&result.enrollment)?;
        let kind = result
            .response
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let raw = serde_json::json!({
            "enrollmentId": result.enrollment, "providerId": result.provider_id, "at": result.at,
            "httpStatus": result.http_status, "response": result.response,
        })
        .to_string();
        let id = e.id.clone();
        let identity = result
            .provider_id
            .as_deref()
            .map(Identity::from_id)
            .unwrap_or_default();
        if (200..300).contains(&result.http_status) {
            self.record_invite(
                e,
                result.at,
                result.provider_id.as_deref(),
                result.note.as_deref(),
                result
                    .response
                    .get("invitation_id")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            )?;
            let e = self.existing(&id)?;
            self.record(&LedgerEntry {
                source: Source::AlreadyConnected,
                account: Some(&e.account),
                outcome: Outcome::Recorded,
                reason: "The invite was sent; that proves no connection.",
                raw: &raw,
                enrollment: Some(&id),
                identity: &identity,
            })?;
        } else if result.http_status == 422
            && kind.strip_prefix("errors/").unwrap_or(&kind) == "already_connected"
        {
            self.apply(
                &Signal {
                    source: Source::AlreadyConnected,
                    account: e.account,
                    received_at: self.now,
                    subject: Subject::Enrollment(id.clone()),
                    person: Person {
                        identity,
                        ..Person::default()
                    },
                    claim: Claim {
                        presumes_connection: true,
                        ..Claim::of(result.at, Precision::Inferred)
                    },
                    raw,
                },
                None,
            )?;
        } else {
            let named = if kind.is_empty() {
                String::new()
            } else {
                format!(" ({})", kind.chars().take(100).collect::<String>())
            };
            self.record(&LedgerEntry {
                source: Source::AlreadyConnected,
                account: Some(&e.account),
                outcome: Outcome::Recorded,
                reason: &format!(
                    "The invite failed with status {}{named}; that proves no connection.",
                    result.http_status
                ),
                raw: &raw,
                enrollment: Some(&id),
                identity: &identity,
            })?;
        }
        self.existing(&id)
    }

    /// Records that an invite was sent: when, to whom, with which note. `PENDING` becomes `CONNECTION_SENT`.
    pub fn record_invite(
        &mut self,
        mut e: Enrollment,
        at: Option<Timestamp>,
        provider_id: Option<&str>,
        note: Option<&str>,
        invitation_id: Option<String>,
    ) -> Result<(), Error> {
        let at = at.and_then(|at| at.plausible(self.now)).unwrap_or(self.now);
        let before = e.clone();
        let named = provider_id.map(Identity::from_id).unwrap_or_default();
        let newer = e.invite.at.is_none_or(|known| known <= at);
        let told = Invite {
            at: Some(at),
            provider_id: named.provider_id.clone().or(named.sales_id.clone()),
            number: named.number(),
            invitation_id,
            note_hash: note
                .filter(|n| !n.trim().is_empty())
                .map(|n| self.note_key.hash(n)),
            reported_at: None,
        };
        // After the accept, a later invite only fills gaps. An older invite than the known one also only fills gaps.
        e.invite = if e.invite.at.is_none() || (newer && e.accept.is_none()) {
            told.or(e.invite)
        } else {
            e.invite.or(told)
        };
        e.identity.fill_from(&named);
        if e.accept.is_none() {
            e.status = e.status.forward_to(Status::ConnectionSent);
        }
        self.save(&before, &e)?;
        self.retry_evidence()
    }

    pub(super) fn existing(&self, id: &EnrollmentId) -> Result<Enrollment, Error> {
        self.tx
            .enrollment(id)?
            .ok_or_else(|| Error::not_found("enrollment", id.as_str()))
    }

    /// Stores a changed enrollment and follows up on the changes.
    pub(super) fn save(&mut self, before: &Enrollment, e: &Enrollment) -> Result<(), Error> {
        if before == e {
            return Ok(());
        }
        self.tx.update_enrollment(e)?;
        self.follow_up(before, e)
    }

    /// Follows up on a new enrollment (`before` has no identity) or a changed one. A usable identity makes a draft campaign run.
    /// With a new identity or invite, earlier evidence is tried again and the account is due for a deeper poll.
    pub(super) fn follow_up(&mut self, before: &Enrollment, e: &Enrollment) -> Result<(), Error> {
        if e.identity.is_usable() || e.invite.provider_id.is_some() {
            self.run_with_prospects(&e.campaign)?;
        }
        if before.campaign != e.campaign
            && self.is_closed(&before.campaign)?
            && !self.is_closed(&e.campaign)?
        {
            // The enrollment is open again. Its invite may be older than what polls read meanwhile.
            self.tx.schedule_check(&e.account, true, self.now)?;
        }
        let gained = before.identity != e.identity
            || before.invite != e.invite
            || before.account != e.account;
        if gained {
            self.tx.schedule_check(&e.account, true, self.now)?;
            self.evidence_wanted_for.push(e.id.clone());
        }
        Ok(())
    }

    /// Whether enrollments of the campaign are not polled for.
    fn is_closed(&self, campaign: &CampaignId) -> Result<bool, Error> {
        let row = self.tx.campaign(campaign)?;
        Ok(row.is_none_or(|row| row.status.is_closed()))
    }
}
