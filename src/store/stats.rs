//! The figures of the charts, always computed from the enrollments.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rusqlite::Row;

use super::row::parsed;
use super::{Error, Reader};
use crate::domain::ids::CampaignId;
use crate::domain::signal::{Path, Source};
use crate::domain::time::Timestamp;

/// The upper bounds of the time-to-accept buckets, in seconds. One more bucket has no upper bound.
pub const BUCKETS_S: [i64; 8] = [
    3_600, 21_600, 86_400, 172_800, 259_200, 604_800, 1_209_600, 2_592_000,
];

const DAY_MS: i64 = 86_400_000;

/// The figures of one campaign, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Enrollments with a usable identity.
    pub usable: u64,
    /// Accepts by the time since the invite, without pre-connected ones: one count per bucket of [`BUCKETS_S`], then the rest.
    pub time_to_accept: [u64; BUCKETS_S.len() + 1],
    /// Accepts by UTC day (`2026-05-02`) and source, oldest first.
    pub per_day: Vec<(String, Source, u64)>,
    /// All accepts by source.
    pub by_source: Vec<(Source, u64)>,
    /// All accepts by path. `None` means that the signal named the enrollment itself.
    pub by_path: Vec<(Option<Path>, u64)>,
}

/// The fields of an accept that the counts and charts need.
pub(super) struct AcceptFigures {
    pub(super) accepted_at: i64,
    pub(super) invited_at: Option<i64>,
    pub(super) pre_connected: bool,
    pub(super) late: bool,
    pub(super) source: Source,
    pub(super) path: Option<Path>,
}

impl AcceptFigures {
    /// Returns the time from invite to accept, if it is known.
    pub(super) fn span_ms(&self) -> Option<i64> {
        self.invited_at
            .filter(|_| !self.pre_connected)
            .map(|invited| self.accepted_at - invited)
    }
}

impl Reader<'_> {
    /// Computes the figures of one campaign, or of all. `per_day` covers the last `days` UTC days, including today.
    pub fn stats(
        &self,
        campaign: Option<&CampaignId>,
        days: u16,
        now: Timestamp,
    ) -> Result<Stats, Error> {
        let first_day = now.utc_day() - i64::from(days) + 1;
        let mut stats = Stats {
            usable: self.usable(campaign)?,
            ..Stats::default()
        };
        let mut per_day = BTreeMap::new();
        let mut by_source = BTreeMap::new();
        let mut by_path = BTreeMap::new();
        self.each_accept(campaign, |accept| {
            if let Some(span) = accept.span_ms() {
                let bucket = BUCKETS_S.iter().position(|s| span <= s * 1_000);
                stats.time_to_accept[bucket.unwrap_or(BUCKETS_S.len())] += 1;
            }
            let day = accept.accepted_at.div_euclid(DAY_MS);
            if day >= first_day {
                let key = (day, accept.source.as_str());
                per_day.entry(key).or_insert((accept.source, 0)).1 += 1;
            }
            by_source
                .entry(accept.source.as_str())
                .or_insert((accept.source, 0))
                .1 += 1;
            by_path
                .entry(accept.path.map(Path::as_str))
                .or_insert((accept.path, 0))
                .1 += 1;
        })?;
        stats.per_day = per_day
            .into_iter()
            .map(|((day, _), (source, count))| (date(day), source, count))
            .collect();
        stats.by_source = by_source.into_values().collect();
        stats.by_source.sort_by_key(|(_, count)| Reverse(*count));
        stats.by_path = by_path.into_values().collect();
        stats.by_path.sort_by_key(|(_, count)| Reverse(*count));
        Ok(stats)
    }

    /// Counts the enrollments with a usable identity.
    fn usable(&self, campaign: Option<&CampaignId>) -> Result<u64, Error> {
        let (all, unusable) = match campaign {
            Some(_) => (
                "INDEXED BY enrollments_by_campaign WHERE campaign_id = ?1",
                "campaign_id = ?1 AND",
            ),
            None => ("WHERE ?1 IS NULL", "?1 IS NULL AND"),
        };
        let count: i64 = self
            .conn
            .prepare_cached(&format!(
                "SELECT (SELECT count(*) FROM enrollments {all})
                   - (SELECT count(*) FROM enrollments INDEXED BY enrollments_unusable WHERE {unusable} provider_id IS NULL
                        AND member_number IS NULL AND sales_id IS NULL AND sales_number IS NULL AND public_identifier IS NULL)"
            ))?
            .query_row([campaign.map(CampaignId::as_str)], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Calls `each` for every accept of one campaign, or of all. Reads one index and no table.
    pub(super) fn each_accept(
        &self,
        campaign: Option<&CampaignId>,
        mut each: impl FnMut(&AcceptFigures),
    ) -> Result<(), Error> {
        let scope = match campaign {
            Some(_) => "campaign_id = ?1",
            None => "?1 IS NULL",
        };
        let mut query = self.conn.prepare_cached(&format!(
            "SELECT accepted_at, invited_at, pre_connected, late, source, path
             FROM enrollments INDEXED BY enrollments_accepted WHERE {scope} AND accepted_at IS NOT NULL"
        ))?;
        let mut rows = query.query([campaign.map(CampaignId::as_str)])?;
        while let Some(row) = rows.next()? {
            each(&figures(row)?);
        }
        Ok(())
    }
}

fn figures(row: &Row<'_>) -> rusqlite::Result<AcceptFigures> {
    Ok(AcceptFigures {
        accepted_at: row.get(0)?,
        invited_at: row.get(1)?,
        pre_connected: row.get(2)?,
        late: row.get(3)?,
        source: parsed(row.get_ref(4)?.as_str()?)?,
        path: row.get_ref(5)?.as_str_or_null()?.map(parsed).transpose()?,
    })
}

/// Formats a UTC day, counted from 1970-01-01.
fn date(day: i64) -> String {
    Timestamp(day.saturating_mul(DAY_MS)).rfc3339()[..10].to_owned()
}
