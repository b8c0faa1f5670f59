//! Reading and writing enrollments.

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::row::{id, timestamp, word, word_or_null};
use super::{Error, Reader, Tx};
use crate::domain::enrollment::{Accept, Enrollment, Invite};
use crate::domain::identity::Identity;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::time::Timestamp;

/// How old an enrollment may be to count as open: its invite, or its creation if it has no invite, must be later than `since`.
/// See docs/rules/polling.md.
#[derive(Debug, Clone, Copy)]
pub struct OpenScope {
    /// `now` minus `poll.horizon`.
    pub since: Timestamp,
}

/// The SQL condition for open enrollments, on `e` (enrollments) and `c` (campaigns). `?1` is [`OpenScope::since`].
pub(super) const OPEN: &str = "e.accepted_at IS NULL AND e.status NOT IN ('NOT_INTERESTED', 'DONE')
    AND c.status NOT IN ('draft', 'archived') AND coalesce(e.invited_at, e.created_at) > ?1";

pub(super) fn enrollment(row: &Row<'_>) -> rusqlite::Result<Enrollment> {
    let accept = match timestamp(row, "accepted_at")? {
        None => None,
        Some(at) => Some(Accept {
            at,
            precision: word(row, "accepted_precision")?,
            detected_at: Timestamp(row.get("detected_at")?),
            source: word(row, "source")?,
            path: word_or_null(row, "path")?,
            via_sibling: row.get("via_sibling")?,
            pre_connected: row.get("pre_connected")?,
            late: row.get("late")?,
            backfill: row.get("backfill")?,
        }),
    };
    Ok(Enrollment {
        seq: row.get("seq")?,
        id: id(row, "id")?,
        account: id(row, "account_id")?,
        campaign: id(row, "campaign_id")?,
        status: word(row, "status")?,
        status_at: timestamp(row, "status_at")?,
        name: row.get("name")?,
        headline: row.get("headline")?,
        company: row.get("company")?,
        linkedin_url: row.get("linkedin_url")?,
        given_id: row.get("given_provider_id")?,
        identity: Identity {
            provider_id: row.get("provider_id")?,
            member_number: row.get("member_number")?,
            sales_id: row.get("sales_id")?,
            sales_number: row.get("sales_number")?,
            public_identifier: row.get("public_identifier")?,
        },
        invite: Invite {
            at: timestamp(row, "invited_at")?,
            provider_id: row.get("invite_provider_id")?,
            number: row.get("invite_number")?,
            invitation_id: row.get("invitation_id")?,
            note_hash: row.get("note_hash")?,
            reported_at: timestamp(row, "open_reported_at")?,
        },
        accept,
        replied_at: timestamp(row, "replied_at")?,
        next_step_at: timestamp(row, "next_step_at")?,
        first_seen_after_accept: row.get("met_later")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}

impl Reader<'_> {
    /// Returns one enrollment.
    pub fn enrollment(&self, id: &EnrollmentId) -> Result<Option<Enrollment>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM enrollments WHERE id = ?1")?
            .query_row([id.as_str()], enrollment)
            .optional()?)
    }

    /// Counts the open enrollments of an account.
    pub fn open_enrollments(&self, account: &AccountId, scope: OpenScope) -> Result<u64, Error> {
        let count: i64 = self
            .conn
            .prepare_cached(&format!(
                "SELECT count(*) FROM enrollments e JOIN campaigns c ON c.id = e.campaign_id
                 WHERE {OPEN} AND e.account_id IN
                   (SELECT ?2 UNION ALL SELECT alias FROM account_aliases WHERE account_id = ?2)"
            ))?
            .query_row(params![scope.since.0, account.as_str()], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Whether any enrollment of a campaign has a usable identity.
    pub fn has_usable_prospects(&self, campaign: &CampaignId) -> Result<bool, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM enrollments WHERE campaign_id = ?1 AND (provider_id IS NOT NULL
                   OR member_number IS NOT NULL OR sales_id IS NOT NULL OR sales_number IS NOT NULL
                   OR public_identifier IS NOT NULL))",
            )?
            .query_row([campaign.as_str()], |row| row.get(0))?)
    }
}

impl Tx<'_> {
    /// Stores a new enrollment, without an accept, a reply or a next step. Its account and campaign must exist.
    pub fn insert_enrollment(&self, e: &Enrollment) -> Result<(), Error> {
        self.notify_steps();
        self.conn
            .prepare_cached(
                "INSERT INTO enrollments (id, account_id, campaign_id, status, status_at, name, headline, company,
                   linkedin_url, given_provider_id, provider_id, member_number, sales_id, sales_number, public_identifier,
                   invited_at, invite_provider_id, invite_number, invitation_id, note_hash, open_reported_at, met_later,
                   created_at)
                 VALUES (:id, :account, :campaign, :status, :status_at, :name, :headline, :company, :url, :given_id,
                   :provider_id, :member_number, :sales_id, :sales_number, :public_identifier, :invited_at,
                   :invite_provider_id, :invite_number, :invitation_id, :note_hash, :reported_at, :met_later, :created_at)",
            )?
            .execute(named_params! {
                ":id": e.id.as_str(),
                ":account": e.account.as_str(),
                ":campaign": e.campaign.as_str(),
                ":status": e.status.as_str(),
                ":status_at": e.status_at.map(|at| at.0),
                ":name": e.name,
                ":headline": e.headline,
                ":company": e.company,
                ":url": e.linkedin_url,
                ":given_id": e.given_id,
                ":provider_id": e.identity.provider_id,
                ":member_number": e.identity.member_number,
                ":sales_id": e.identity.sales_id,
                ":sales_number": e.identity.sales_number,
                ":public_identifier": e.identity.public_identifier,
                ":invited_at": e.invite.at.map(|at| at.0),
                ":invite_provider_id": e.invite.provider_id,
                ":invite_number": e.invite.number,
                ":invitation_id": e.invite.invitation_id,
                ":note_hash": e.invite.note_hash,
                ":reported_at": e.invite.reported_at.map(|at| at.0),
                ":met_later": e.first_seen_after_accept,
                ":created_at": e.created_at.0,
            })?;
        Ok(())
    }

    /// Stores every field of an enrollment except the accept, the reply and the next step.
    ///
    /// SQLite rewrites the entry of every index that has a column in the `SET` list, even if its value stays. So only groups of
    /// columns that have changed are written.
    pub fn update_enrollment(&self, e: &Enrollment) -> Result<(), Error> {
        self.notify_steps();
        let Some(before) = self.enrollment(&e.id)? else {
            return Ok(());
        };
        if (&before.account, &before.campaign) != (&e.account, &e.campaign) {
            self.conn
                .prepare_cached(
                    "UPDATE enrollments SET account_id = ?2, campaign_id = ?3 WHERE seq = ?1",
                )?
                .execute(params![before.seq, e.account.as_str(), e.campaign.as_str()])?;
        }
        if before.status != e.status {
            self.conn
                .prepare_cached("UPDATE enrollments SET status = ?2 WHERE seq = ?1")?
                .execute(params![before.seq, e.status.as_str()])?;
        }
        self.update_identity(before.seq, &before.identity, &e.identity)?;
        self.update_invite(before.seq, &before.invite, &e.invite)?;
        self.conn
            .prepare_cached(
                "UPDATE enrollments SET status_at = :status_at, name = :name, headline = :headline, company = :company,
                   linkedin_url = :url, given_provider_id = :given_id, met_later = :met_later
                 WHERE seq = :seq",
            )?
            .execute(named_params! {
                ":seq": before.seq,
                ":status_at": e.status_at.map(|at| at.0),
                ":name": e.name,
                ":headline": e.headline,
                ":company": e.company,
                ":url": e.linkedin_url,
                ":given_id": e.given_id,
                ":met_later": e.first_seen_after_accept,
            })?;
        Ok(())
    }

    /// Stores the parts of an identity that differ from `before`.
    pub fn update_identity(
        &self,
        seq: i64,
        before: &Identity,
        now: &Identity,
    ) -> Result<(), Error> {
        if (&before.provider_id, before.member_number) != (&now.provider_id, now.member_number) {
            self.conn
                .prepare_cached(
                    "UPDATE enrollments SET provider_id = ?2, member_number = ?3 WHERE seq = ?1",
                )?
                .execute(params![seq, now.provider_id, now.member_number])?;
        }
        if (&before.sales_id, before.sales_number) != (&now.sales_id, now.sales_number) {
            self.conn
                .prepare_cached(
                    "UPDATE enrollments SET sales_id = ?2, sales_number = ?3 WHERE seq = ?1",
                )?
                .execute(params![seq, now.sales_id, now.sales_number])?;
        }
        if before.public_identifier != now.public_identifier {
            self.conn
                .prepare_cached("UPDATE enrollments SET public_identifier = ?2 WHERE seq = ?1")?
                .execute(params![seq, now.public_identifier])?;
        }
        Ok(())
    }

    fn update_invite(&self, seq: i64, before: &Invite, now: &Invite) -> Result<(), Error> {
        if (before.at, before.reported_at) != (now.at, now.reported_at) {
            self.conn
                .prepare_cached(
                    "UPDATE enrollments SET invited_at = ?2, open_reported_at = ?3 WHERE seq = ?1",
                )?
                .execute(params![
                    seq,
                    now.at.map(|at| at.0),
                    now.reported_at.map(|at| at.0)
                ])?;
        }
        if (&before.provider_id, before.number) != (&now.provider_id, now.number) {
            self.conn
                .prepare_cached("UPDATE enrollments SET invite_provider_id = ?2, invite_number = ?3 WHERE seq = ?1")?
                .execute(params![seq, now.provider_id, now.number])?;
        }
        if (&before.invitation_id, &before.note_hash) != (&now.invitation_id, &now.note_hash) {
            self.conn
                .prepare_cached(
                    "UPDATE enrollments SET invitation_id = ?2, note_hash = ?3 WHERE seq = ?1",
                )?
                .execute(params![seq, now.invitation_id, now.note_hash])?;
        }
        Ok(())
    }

    /// Stores a stamp: the accept, the reply, the status, and the next step that the accept queued. An accept also stores the name
    /// and the headline that came with its evidence. Only the stamping routine calls this. The event of `accept_key` must exist.
    pub fn write_stamp(&self, e: &Enrollment, accept_key: Option<&str>) -> Result<(), Error> {
        self.notify_steps();
        let accept = e.accept.as_ref();
        self.conn
            .prepare_cached(
                "UPDATE enrollments SET accepted_at = :at, accepted_precision = :precision, detected_at = :detected_at,
                   source = :source, path = :path, via_sibling = :via_sibling, pre_connected = :pre_connected,
                   late = :late, backfill = :backfill, accept_key = :accept_key, replied_at = :replied_at,
                   status = :status, status_at = :status_at, next_step_at = :next_step_at, name = :name,
                   headline = :headline
                 WHERE seq = :seq",
            )?
            .execute(named_params! {
                ":seq": e.seq,
                ":at": accept.map(|a| a.at.0),
                ":precision": accept.map(|a| a.precision.as_str()),
                ":detected_at": accept.map(|a| a.detected_at.0),
                ":source": accept.map(|a| a.source.as_str()),
                ":path": accept.and_then(|a| a.path).map(|p| p.as_str()),
                ":via_sibling": accept.is_some_and(|a| a.via_sibling),
                ":pre_connected": accept.is_some_and(|a| a.pre_connected),
                ":late": accept.is_some_and(|a| a.late),
                ":backfill": accept.is_some_and(|a| a.backfill),
                ":accept_key": accept_key,
                ":replied_at": e.replied_at.map(|at| at.0),
                ":status": e.status.as_str(),
                ":status_at": e.status_at.map(|at| at.0),
                ":next_step_at": e.next_step_at.map(|at| at.0),
                ":name": e.name,
                ":headline": e.headline,
            })?;
        Ok(())
    }
}
