//! Enrolling by upserts. See `docs/rules/stamping.md`.

use super::Routine;
use crate::domain::bad_input::BadInput;
use crate::domain::enrollment::{Enrollment, Invite, Status};
use crate::domain::error::Error;
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::patch::Patch;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;

/// One row of an upsert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upsert {
    /// The caller's id.
    pub id: EnrollmentId,
    /// The account. It is required for a new enrollment.
    pub account: Option<AccountId>,
    /// The campaign; `null` is `unassigned`.
    pub campaign: Patch<CampaignId>,
    /// The campaign's name.
    pub campaign_name: Patch<String>,
    /// A LinkedIn URL of any kind, or a bare public identifier.
    pub linkedin_url: Patch<String>,
    /// A provider's id of any kind.
    pub provider_id: Patch<String>,
    /// Full name.
    pub name: Patch<String>,
    /// LinkedIn headline.
    pub headline: Patch<String>,
    /// Company.
    pub company: Patch<String>,
    /// When the invite was sent. Checked by the caller: not in the future, not before 2003.
    pub invited_at: Patch<Timestamp>,
    /// The invite's note.
    pub note: Patch<String>,
}

/// The outcome of an upsert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnrollOutcome {
    /// The enrollment is new.
    Created,
    /// A field of the enrollment changed.
    Updated,
    /// Nothing of the enrollment changed.
    Unchanged,
}

/// The result of an upsert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// The outcome.
    pub outcome: EnrollOutcome,
    /// Whether the enrollment has no identity that a signal could be tied to.
    pub no_usable_identity: bool,
    /// Whether anything was written. That may be the name of the campaign alone.
    pub wrote: bool,
}

/// How an upsert moved an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// To another account, still about the same person.
    Account,
    /// To another person, perhaps of another account.
    Person,
}

impl Routine<'_> {
    /// Stores one row of an upsert.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a new row without an account, for a row that names two people, and for an accepted enrollment that
    /// would move to another account or person.
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
            // The name of the campaign is not part of the enrollment, so it may still change.
            let wrote = self.ensure_campaign(&e, row)?;
            return Ok(Enrolled {
                outcome: EnrollOutcome::Unchanged,
                no_usable_identity,
                wrote,
            });
        }
        if moved == Some(Moved::Person) {
            self.tx.forget_former_person(&before)?;
        }
        self.ensure_account(&e.account, Provider::Unipile)?;
        self.ensure_campaign(&e, row)?;
        if is_new {
            self.tx.insert_enrollment(&e)?;
            self.tx.schedule_check(&e.account, true, self.now)?;
            self.follow_up(&before, &e)?;
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
            wrote: true,
        })
    }

    /// Notes that an enrollment was first seen by a sign of something later than its accept, so the accept is old news.
    pub fn mark_seen_after_accept(&mut self, mut e: Enrollment) -> Result<(), Error> {
        e.first_seen_after_accept = true;
        self.tx.update_enrollment(&e)
    }

    fn blank(&self, row: &Upsert) -> Result<Enrollment, Error> {
        let account = row.account.clone().ok_or_else(|| {
            BadInput::field("accountId", "accountId is required for a new enrollment.")
        })?;
        Ok(Enrollment::new(
            row.id.clone(),
            account,
            CampaignId::unassigned(),
            self.now,
        ))
    }

    /// Creates the campaign if it does not exist, and sets its name. Returns whether that changed anything.
    fn ensure_campaign(&mut self, e: &Enrollment, row: &Upsert) -> Result<bool, Error> {
        let name = match &row.campaign_name {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(name) => Some(Some(name.as_str())),
        };
        self.tx.ensure_campaign(&e.campaign, name, self.now)
    }

    /// Applies the account and the identity. Returns how the enrollment moved, if it did.
    fn apply_person(
        &self,
        before: &Enrollment,
        e: &mut Enrollment,
        row: &Upsert,
    ) -> Result<Option<Moved>, Error> {
        if let Some(account) = &row.account
            // Another id of the same account is no move: the enrollment keeps the id it came with.
            && !self.tx.account_ids(&e.account)?.contains(account)
        {
            e.account = account.clone();
        }
        let url = row.linkedin_url.set().map(String::as_str);
        let given_url = (!row.linkedin_url.is_keep()).then(|| identity_of_url(url));
        let id = row.provider_id.set().map(String::as_str);
        let given_id = (!row.provider_id.is_keep()).then(|| identity_of_id(id));
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
            // What was known of the other person, evidence included, must not tie signals of this one to that person.
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
                // What the id says does not depend on the URL.
                let by_id = identity_of_id(e.given_id.as_deref());
                replace(&mut e.identity, &Identity::default(), &by_id);
            }
            if let Some(new) = &given_id {
                // What evidence added to the identity stays.
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
        row.note
            .clone()
            .and_then(|note| (!note.trim().is_empty()).then(|| self.note_key.hash(&note)))
            .apply(&mut e.invite.note_hash);
        row.invited_at.apply(&mut e.invite.at);
        if row.invited_at.set().is_none() {
            return;
        }
        if let Some(id) = row.provider_id.set() {
            // An unusable id does not change what is known of the invite.
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
    match &row.campaign {
        Patch::Keep => {}
        Patch::Clear => e.campaign = CampaignId::unassigned(),
        Patch::Set(campaign) => e.campaign = campaign.clone(),
    }
    row.name.clone().apply(&mut e.name);
    row.headline.clone().apply(&mut e.headline);
    row.company.clone().apply(&mut e.company);
    row.linkedin_url.clone().apply(&mut e.linkedin_url);
    row.provider_id.clone().apply(&mut e.given_id);
}

fn identity_of_url(url: Option<&str>) -> Identity {
    url.map(Identity::from_text).unwrap_or_default()
}

fn identity_of_id(id: Option<&str>) -> Identity {
    id.map(Identity::from_id).unwrap_or_default()
}

/// Removes from `identity` what came from `old`, then adds `new`, which takes precedence.
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
