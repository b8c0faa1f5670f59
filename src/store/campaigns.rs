//! Campaigns, and their counts, which are always computed from the enrollments.

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::row::{id, word};
use super::{Error, Reader, Tx};
use crate::domain::campaign::{CampaignFacts, CampaignStatus};
use crate::domain::ids::CampaignId;
use crate::domain::time::Timestamp;

/// A campaign as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRow {
    /// The position in the order of creation.
    pub seq: i64,
    /// The id that your engine gave it.
    pub id: CampaignId,
    /// Its name.
    pub name: Option<String>,
    /// Its status.
    pub status: CampaignStatus,
    /// Whether the status was set through the API. If so, acceptd does not change it.
    pub status_was_set: bool,
    /// How long after the invite an accept counts as in time: as the caller wrote it, and in milliseconds.
    pub accept_window: Option<(String, i64)>,
    /// How long an invite may stay open before it is reported: as the caller wrote it, and in milliseconds.
    pub not_accepted_after: Option<(String, i64)>,
    /// When next steps may go out, as JSON text.
    pub schedule: Option<String>,
    /// The most next steps per account and local day.
    pub daily_cap: Option<i64>,
}

impl CampaignRow {
    /// Returns a new campaign in status `draft`, as the first enrollment creates it.
    #[must_use]
    pub fn new(id: CampaignId) -> Self {
        Self {
            seq: 0,
            id,
            name: None,
            status: CampaignStatus::Draft,
            status_was_set: false,
            accept_window: None,
            not_accepted_after: None,
            schedule: None,
            daily_cap: None,
        }
    }

    /// Returns what the stamping routine needs to know.
    #[must_use]
    pub fn facts(&self) -> CampaignFacts {
        CampaignFacts {
            name: self.name.clone(),
            status: self.status,
            accept_window_ms: self.accept_window.as_ref().map(|(_, ms)| *ms),
            schedule: self.schedule.clone(),
            daily_cap: self.daily_cap,
        }
    }
}

/// The live counts of a campaign. See docs/rules/api.md.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CampaignCounts {
    /// All enrollments.
    pub enrolled: u64,
    /// Enrollments with a known invite, or accepted without being pre-connected.
    pub invited: u64,
    /// Accepted enrollments, including pre-connected ones.
    pub accepted: u64,
    /// Enrollments that were connected before the invite.
    pub pre_connected: u64,
    /// Enrollments with a first reply.
    pub replied: u64,
    /// Accepts that came too late. See docs/rules/stamping.md.
    pub late: u64,
    /// Accepted enrollments without the pre-connected ones.
    pub accepted_of_invited: u64,
    /// Invited enrollments without the pre-connected ones.
    pub invited_not_pre_connected: u64,
    /// The median of the known times from invite to accept, in seconds.
    pub median_seconds_to_accept: Option<f64>,
}

fn campaign(row: &Row<'_>) -> rusqlite::Result<CampaignRow> {
    let span = |text: &str, ms: &str| -> rusqlite::Result<Option<(String, i64)>> {
        Ok(row
            .get::<_, Option<String>>(text)?
            .zip(row.get::<_, Option<i64>>(ms)?))
    };
    Ok(CampaignRow {
        seq: row.get("seq")?,
        id: id(row, "id")?,
        name: row.get("name")?,
        status: word(row, "status")?,
        status_was_set: row.get("status_was_set")?,
        accept_window: span("accept_window", "accept_window_ms")?,
        not_accepted_after: span("not_accepted_after", "not_accepted_after_ms")?,
        schedule: row.get("schedule")?,
        daily_cap: row.get("daily_cap")?,
    })
}

impl Reader<'_> {
    /// Returns one campaign.
    pub fn campaign(&self, id: &CampaignId) -> Result<Option<CampaignRow>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM campaigns WHERE id = ?1")?
            .query_row([id.as_str()], campaign)
            .optional()?)
    }

    /// Returns campaigns in the order of their creation, starting after position `after`.
    pub fn campaigns(&self, after: i64, limit: usize) -> Result<Vec<CampaignRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .conn
            .prepare_cached("SELECT * FROM campaigns WHERE seq > ?1 ORDER BY seq LIMIT ?2")?
            .query_map(params![after, limit], campaign)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Computes the live counts of a campaign from indexes alone. An accepted enrollment counts as invited unless it was
    /// pre-connected: the accept proves that there was an invite, even if its time is unknown.
    pub fn campaign_counts(&self, id: &CampaignId) -> Result<CampaignCounts, Error> {
        let (enrolled, uninvited, replied): (i64, i64, i64) = self
            .conn
            .prepare_cached(
                "SELECT
                   (SELECT count(*) FROM enrollments INDEXED BY enrollments_by_campaign WHERE campaign_id = ?1),
                   (SELECT count(*) FROM enrollments INDEXED BY enrollments_uninvited WHERE campaign_id = ?1
                      AND invited_at IS NULL AND accepted_at IS NULL AND status <> 'CONNECTION_SENT'),
                   (SELECT count(*) FROM enrollments INDEXED BY enrollments_replied WHERE campaign_id = ?1
                      AND replied_at IS NOT NULL)",
            )?
            .query_row([id.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let mut counts = CampaignCounts {
            enrolled: enrolled.unsigned_abs(),
            replied: replied.unsigned_abs(),
            ..CampaignCounts::default()
        };
        let mut pre_connected_uninvited = 0;
        let mut spans_s = Vec::new();
        self.each_accept(Some(id), |accept| {
            counts.accepted += 1;
            counts.late += u64::from(accept.late);
            counts.pre_connected += u64::from(accept.pre_connected);
            pre_connected_uninvited +=
                u64::from(accept.pre_connected && accept.invited_at.is_none());
            spans_s.extend(accept.span_ms().map(|ms| (ms / 1_000).max(0)));
        })?;
        let uninvited = uninvited.unsigned_abs();
        counts.invited = counts.enrolled - uninvited - pre_connected_uninvited;
        counts.accepted_of_invited = counts.accepted - counts.pre_connected;
        counts.invited_not_pre_connected = counts.enrolled - counts.pre_connected - uninvited;
        counts.median_seconds_to_accept = median(&mut spans_s);
        Ok(counts)
    }
}

/// Returns the middle value, or the mean of the two middle values.
fn median(values: &mut [i64]) -> Option<f64> {
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    if values.is_empty() {
        return None;
    }
    let (below, upper, _) = values.select_nth_unstable(middle);
    let lower = below.iter().max().filter(|_| !odd).unwrap_or(upper);
    // Seconds are far below the 52 bits that a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "seconds fit")]
    Some((*lower + *upper) as f64 / 2.0)
}

impl Tx<'_> {
    /// Creates the campaign if it does not exist, and sets its name. `None` keeps the name, `Some(None)` clears it. Returns whether
    /// that changed anything.
    pub fn ensure_campaign(
        &self,
        id: &CampaignId,
        name: Option<Option<&str>>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let written = self
            .conn
            .prepare_cached(
                "INSERT INTO campaigns (id, name, created_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name
                 WHERE ?4 AND name IS NOT excluded.name",
            )?
            .execute(params![id.as_str(), name.flatten(), now.0, name.is_some()])?;
        Ok(written > 0)
    }

    /// Sets the status of a campaign that changes by itself.
    pub fn set_campaign_status(
        &self,
        id: &CampaignId,
        status: CampaignStatus,
    ) -> Result<(), Error> {
        self.notify_polls();
        self.notify_steps();
        self.conn
            .prepare_cached("UPDATE campaigns SET status = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), status.as_str()])?;
        Ok(())
    }

    /// Stores every field of a campaign that a user may change. Creates the campaign if it is new.
    pub fn put_campaign(&self, c: &CampaignRow, now: Timestamp) -> Result<(), Error> {
        self.notify_polls();
        self.notify_steps();
        let before = self.campaign(&c.id)?.map(|row| row.status);
        self.conn.execute(
            "INSERT INTO campaigns (id, name, status, status_was_set, accept_window, accept_window_ms, not_accepted_after,
               not_accepted_after_ms, schedule, daily_cap, created_at)
             VALUES (:id, :name, :status, :was_set, :window, :window_ms, :after, :after_ms, :schedule, :cap, :now)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status,
               status_was_set = excluded.status_was_set, accept_window = excluded.accept_window,
               accept_window_ms = excluded.accept_window_ms, not_accepted_after = excluded.not_accepted_after,
               not_accepted_after_ms = excluded.not_accepted_after_ms, schedule = excluded.schedule,
               daily_cap = excluded.daily_cap",
            named_params! {
                ":id": c.id.as_str(),
                ":name": c.name,
                ":status": c.status.as_str(),
                ":was_set": c.status_was_set,
                ":window": c.accept_window.as_ref().map(|w| &w.0),
                ":window_ms": c.accept_window.as_ref().map(|w| w.1),
                ":after": c.not_accepted_after.as_ref().map(|w| &w.0),
                ":after_ms": c.not_accepted_after.as_ref().map(|w| w.1),
                ":schedule": c.schedule,
                ":cap": c.daily_cap,
                ":now": now.0,
            },
        )?;
        if before.is_some_and(|before| before != c.status) {
            let opened = before.is_some_and(CampaignStatus::is_closed) && !c.status.is_closed();
            self.check_accounts_of_campaign(&c.id, opened, now)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians() {
        for (mut values, expected) in [
            (vec![], None),
            (vec![7], Some(7.0)),
            (vec![9, 1], Some(5.0)),
            (vec![3, 9, 1], Some(3.0)),
            (vec![4, 1, 9, 2], Some(3.0)),
            (vec![5, 5, 5, 6], Some(5.0)),
        ] {
            assert_eq!(median(&mut values), expected, "{values:?}");
        }
    }
}
