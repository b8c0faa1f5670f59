//! Figures for the charts, always computed from the enrollments.

use rusqlite::params_from_iter;
use rusqlite::types::Value;

use super::row::{word, word_or_null};
use super::{Error, Reader};
use crate::domain::ids::CampaignId;
use crate::domain::time::Ms;
use crate::domain::words::{Path, Source};

/// The upper bounds of the time-to-accept buckets, in seconds; one more is open to the top.
pub const BUCKETS_S: [i64; 8] = [
    3_600, 21_600, 86_400, 172_800, 259_200, 604_800, 1_209_600, 2_592_000,
];

const DAY_MS: i64 = 86_400_000;

/// What the charts show of one campaign, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Enrollments that a signal can be tied to.
    pub usable: u64,
    /// Accepts by time since the invite, pre-connected ones left out: one count per bucket of [`BUCKETS_S`], then the rest.
    pub time_to_accept: [u64; BUCKETS_S.len() + 1],
    /// Accepts by UTC day (`2026-05-02`) and source, oldest first.
    pub per_day: Vec<(String, Source, u64)>,
    /// All accepts by source.
    pub by_source: Vec<(Source, u64)>,
    /// All accepts by path; `None` where the signal named the enrollment itself.
    pub by_path: Vec<(Option<Path>, u64)>,
}

impl Reader<'_> {
    /// The figures of one campaign, or of all; `per_day` reaches back over `days` UTC days, today included.
    ///
    /// # Errors
    /// The store's.
    pub fn stats(&self, campaign: Option<&CampaignId>, days: u16, now: Ms) -> Result<Stats, Error> {
        let (scope, mut values) = match campaign {
            Some(id) => (
                "campaign_id = ?1",
                vec![Value::from(id.as_str().to_owned())],
            ),
            None => ("?1 IS NULL", vec![Value::Null]),
        };
        let (usable, time_to_accept) = self.spans(scope, &values)?;
        let by_source = self
            .conn
            .prepare_cached(&format!(
                "SELECT source, count(*) AS n FROM enrollments WHERE {scope} AND accepted_at IS NOT NULL
                 GROUP BY source ORDER BY n DESC, source"
            ))?
            .query_map(params_from_iter(&values), |row| {
                Ok((word(row, "source")?, row.get::<_, i64>("n")?.unsigned_abs()))
            })?
            .collect::<Result<_, _>>()?;
        let by_path = self
            .conn
            .prepare_cached(&format!(
                "SELECT path, count(*) AS n FROM enrollments WHERE {scope} AND accepted_at IS NOT NULL
                 GROUP BY path ORDER BY n DESC, path"
            ))?
            .query_map(params_from_iter(&values), |row| {
                Ok((word_or_null(row, "path")?, row.get::<_, i64>("n")?.unsigned_abs()))
            })?
            .collect::<Result<_, _>>()?;
        values.push(((now.utc_day() - i64::from(days) + 1).saturating_mul(DAY_MS)).into());
        let per_day = self
            .conn
            .prepare_cached(&format!(
                "SELECT date(accepted_at / 1000, 'unixepoch') AS day, source, count(*) AS n FROM enrollments
                 WHERE {scope} AND accepted_at >= ?2 GROUP BY day, source ORDER BY day, source"
            ))?
            .query_map(params_from_iter(&values), |row| {
                Ok((
                    row.get("day")?,
                    word(row, "source")?,
                    row.get::<_, i64>("n")?.unsigned_abs(),
                ))
            })?
            .collect::<Result<_, _>>()?;
        Ok(Stats {
            usable,
            time_to_accept,
            per_day,
            by_source,
            by_path,
        })
    }

    /// How many enrollments are usable, and the counts of the buckets.
    fn spans(
        &self,
        scope: &str,
        values: &[Value],
    ) -> Result<(u64, [u64; BUCKETS_S.len() + 1]), Error> {
        const SPAN: &str =
            "accepted_at IS NOT NULL AND invited_at IS NOT NULL AND NOT pre_connected";
        let within: String = BUCKETS_S
            .iter()
            .map(|s| {
                format!(
                    "count(*) FILTER (WHERE {SPAN} AND accepted_at - invited_at <= {s} * 1000), "
                )
            })
            .collect();
        let sql = format!(
            "SELECT {within} count(*) FILTER (WHERE {SPAN}),
               count(*) FILTER (WHERE coalesce(provider_id, member_number, sales_id, sales_number, public_identifier) IS NOT NULL)
             FROM enrollments WHERE {scope}"
        );
        let mut counts = [0; BUCKETS_S.len() + 1];
        let usable =
            self.conn
                .prepare_cached(&sql)?
                .query_row(params_from_iter(values), |row| {
                    let mut before = 0;
                    for (i, count) in counts.iter_mut().enumerate() {
                        let up_to_here = row.get::<_, i64>(i)?.unsigned_abs();
                        *count = up_to_here - before;
                        before = up_to_here;
                    }
                    Ok(row.get::<_, i64>(BUCKETS_S.len() + 1)?.unsigned_abs())
                })?;
        Ok((usable, counts))
    }
}
