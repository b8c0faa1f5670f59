//! Enrolling: an upsert in which a field that is left out keeps its value and `null` clears it (contract section 8).

use super::Routine;
use crate::domain::bad_input::BadInput;
use crate::domain::enrollment::{Enrollment, Invite, Status};
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;
use crate::store::Error;

/// One row of an upsert. The outer `None` means left out, the inner one `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upsert {
    /// The caller's id.
    pub id: EnrollmentId,
    /// The account; needed for a new enrollment.
    pub account: Option<AccountId>,
    /// The campaign; `null` is `unassigned`.
    pub campaign: Option<Option<CampaignId>>,
    /// The campaign's name.
    pub campaign_name: Option<Option<String>>,
    /// A LinkedIn URL of any kind, or a bare public identifier.
    pub linkedin_url: Option<Option<String>>,
    /// A provider's id of any kind.
    pub provider_id: Option<Option<String>>,
    /// Full name.
    pub name: Option<Option<String>>,
    /// LinkedIn headline.
    pub headline: Option<Option<String>>,
    /// Company.
    pub company: Option<Option<String>>,
    /// When the invite was sent. Checked by the caller: not in the future, not before 2003.
    pub invited_at: Option<Option<Timestamp>>,
    /// The invite's note.
    pub note: Option<Option<String>>,
}

/// What an upsert did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrollOutcome {
    /// It is new.
    Created,
    /// Something changed.
    Updated,
    /// Nothing did.
    Unchanged,
}

/// The answer to an upsert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// What it did.
    pub outcome: EnrollOutcome,
    /// Whether no signal can ever be tied to it as it stands.
    pub no_usable_identity: bool,
}

/// Where an upsert moved an enrollment to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// To another account, still about the same person.
    Account,
    /// To another person, perhaps of another account.
    Person,
}

impl Routine<'_> {
    /// Stores one row.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a row that can't be: a new one without an account, an accepted one that would move.
    pub fn enroll(&mut self, row: &Upsert) -> Result<Enrolled, Error> {
        let found = self.tx.enrollment(&row.id)?;
        let is_new = found.is_none();
        let before = match found {
            Some(e) => e,
            None => self.blank(row)?,
        };
        let mut e = before.clone();
        apply_plain(&mut e, row);
        let moved = self.apply_person(&before, &mut e, row)?;
        if moved.is_some() {
            e.invite = Invite::default();
            if e.status == Status::ConnectionSent {
                e.status = Status::Pending;
            }
        }
        self.apply_invite(&mut e, row);
        let no_usable_identity = !e.identity.is_usable() && e.invite.provider_id.is_none();
        if !is_new && e == before {
            // The campaign's name is not part of the enrollment, and may still be new.
            self.ensure_campaign(&e, row)?;
            return Ok(Enrolled {
                outcome: EnrollOutcome::Unchanged,
                no_usable_identity,
            });
        }
        if moved == Some(Moved::Person) {
            self.tx.forget_former_person(&before)?;
        }
        self.meet(&e.account, Provider::Unipile)?;
        self.ensure_campaign(&e, row)?;
        if is_new {
            self.tx.insert_enrollment(&e)?;
            self.report.look = true;
            self.report.steps = true;
            self.tx.schedule_check(&e.account, true, self.now)?;
            self.look_again(&before, &e)?;
        } else {
            self.save(&before, &e)?;
        }
        Ok(Enrolled {
            outcome: if is_new {
                EnrollOutcome::Created
            } else {
                EnrollOutcome::Updated
            },
            no_usable_identity,
        })
    }

    fn blank(&self, row: &Upsert) -> Result<Enrollment, Error> {
        let account = row.account.clone().ok_or_else(|| {
            BadInput::field(
                "accountId",
                "A new enrollment needs the account that works it.",
            )
        })?;
        Ok(Enrollment::new(
            row.id.clone(),
            account,
            CampaignId::unassigned(),
            self.now,
        ))
    }

    fn ensure_campaign(&mut self, e: &Enrollment, row: &Upsert) -> Result<(), Error> {
        let name = row.campaign_name.as_ref().map(Option::as_deref);
        self.tx.ensure_campaign(&e.campaign, name, self.now)
    }

    /// Applies account and identity. Returns where the enrollment moved to, if it did.
    fn apply_person(
        &self,
        before: &Enrollment,
        e: &mut Enrollment,
        row: &Upsert,
    ) -> Result<Option<Moved>, Error> {
        if let Some(account) = &row.account {
            e.account = account.clone();
        }
        let given_url = row
            .linkedin_url
            .as_ref()
            .map(|url| identity_of_url(url.as_deref()));
        let given_id = row
            .provider_id
            .as_ref()
            .map(|id| identity_of_id(id.as_deref()));
        let mut given = given_url.clone().unwrap_or_default();
        if let Some(id) = &given_id {
            if given.contradicts(id) {
                return Err(BadInput::field(
                    "providerId",
                    "providerId and linkedinUrl name two different people.",
                )
                .into());
            }
            given.fill_from(id);
        }
        let other_person = before.identity.is_someone_else(&given);
        if other_person {
            // What was known of somebody else, evidence included, must not tie this one's signals to that person.
            e.identity = given;
            if given_url.is_none() {
                e.linkedin_url = None;
            }
            if given_id.is_none() {
                e.given_id = None;
            }
        } else {
            if let Some(new) = &given_url {
                let old = identity_of_url(before.linkedin_url.as_deref());
                replace(&mut e.identity, &old, new);
                // What the id says it says without the URL.
                let by_id = identity_of_id(e.given_id.as_deref());
                replace(&mut e.identity, &Identity::default(), &by_id);
            }
            if let Some(new) = &given_id {
                // What was learned from evidence stays.
                let old = identity_of_id(before.given_id.as_deref());
                let from_url = identity_of_url(e.linkedin_url.as_deref());
                replace(&mut e.identity, &old, new);
                e.identity.fill_from(&from_url);
            }
        }
        let other_account = e.account != before.account;
        if before.accept.is_some() && (other_person || other_account) {
            let (field, what) = if other_account {
                ("accountId", "account")
            } else if given_id.is_some_and(|id| id.is_usable()) {
                ("providerId", "person")
            } else {
                ("linkedinUrl", "person")
            };
            return Err(BadInput::field(
                field,
                format!(
                    "An accepted enrollment can't move to another {what}; enroll it under a new id."
                ),
            )
            .into());
        }
        Ok(if other_person {
            Some(Moved::Person)
        } else {
            other_account.then_some(Moved::Account)
        })
    }

    fn apply_invite(&self, e: &mut Enrollment, row: &Upsert) {
        if let Some(note) = &row.note {
            e.invite.note_hash = note
                .as_deref()
                .filter(|n| !n.trim().is_empty())
                .map(|n| self.note_key.hash(n));
        }
        let Some(at) = row.invited_at else {
            return;
        };
        e.invite.at = at;
        if at.is_none() {
            return;
        }
        if let Some(Some(id)) = &row.provider_id {
            // An id that can't be used takes nothing away from what is known of the invite.
            let named = Identity::from_id(id);
            if named.is_usable() {
                e.invite.number = named.number();
                e.invite.provider_id = named.provider_id.or(named.sales_id);
            }
        }
        if e.accept.is_none() {
            e.status = e.status.forward_to(Status::ConnectionSent);
        }
    }
}

fn apply_plain(e: &mut Enrollment, row: &Upsert) {
    if let Some(campaign) = &row.campaign {
        e.campaign = campaign.clone().unwrap_or_else(CampaignId::unassigned);
    }
    let keep = |field: &mut Option<String>, given: &Option<Option<String>>| {
        if let Some(value) = given {
            field.clone_from(value);
        }
    };
    keep(&mut e.name, &row.name);
    keep(&mut e.headline, &row.headline);
    keep(&mut e.company, &row.company);
    keep(&mut e.linkedin_url, &row.linkedin_url);
    keep(&mut e.given_id, &row.provider_id);
}

fn identity_of_url(url: Option<&str>) -> Identity {
    url.map(Identity::from_text).unwrap_or_default()
}

fn identity_of_id(id: Option<&str>) -> Identity {
    id.map(Identity::from_id).unwrap_or_default()
}

/// Takes out of `identity` what `old` had put in, then puts `new` in, which wins.
fn replace(identity: &mut Identity, old: &Identity, new: &Identity) {
    fn one<T: Clone + PartialEq>(field: &mut Option<T>, old: &Option<T>, new: &Option<T>) {
        if new.is_some() {
            field.clone_from(new);
        } else if old.is_some() && field == old {
            *field = None;
        }
    }
    one(
        &mut identity.provider_id,
        &old.provider_id,
        &new.provider_id,
    );
    one(
        &mut identity.member_number,
        &old.member_number,
        &new.member_number,
    );
    one(&mut identity.sales_id, &old.sales_id, &new.sales_id);
    one(
        &mut identity.sales_number,
        &old.sales_number,
        &new.sales_number,
    );
    one(
        &mut identity.public_identifier,
        &old.public_identifier,
        &new.public_identifier,
    );
}
