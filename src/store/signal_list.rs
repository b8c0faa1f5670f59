//! The filtered list of the ledger. A page is filled by two queries, as in the list of enrollments: the first one reads a bounded number
//! of rows in list order, the second one uses an index by outcome and source.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};

use super::signals::signal;
use super::{Error, Reader, SignalRow};
use crate::domain::signal::{Outcome, Source};

/// How many rows the first query reads.
const FIRST_ROWS: i64 = 5_000;

/// Which signals to list; they come newest first.
#[derive(Debug, Clone, Default)]
pub struct SignalFilter {
    /// Only signals with this outcome.
    pub outcome: Option<Outcome>,
    /// Only signals from this source.
    pub source: Option<Source>,
    /// Only signals of this account.
    pub account: Option<String>,
    /// Only signals with a lower id.
    pub before: Option<i64>,
}

impl Reader<'_> {
    /// Returns a page of signals, newest first.
    pub fn signals(&self, filter: &SignalFilter, limit: usize) -> Result<Vec<SignalRow>, Error> {
        let before = filter.before.unwrap_or(i64::MAX);
        let plain = filter.outcome.is_none() && filter.source.is_none();
        let end = match plain {
            true => None,
            false => self.first_signals_end(filter, before)?,
        };
        let mut rows = self.signals_in_order(filter, before, end, limit)?;
        if let Some(end) = end
            && rows.len() < limit
        {
            rows.extend(self.signals_by_kind(filter, end, limit - rows.len())?);
        }
        rows.into_iter().map(|row| self.with_ties(row)).collect()
    }

    /// Returns the last row that the first query reads, or `None` if it reads all.
    fn first_signals_end(&self, filter: &SignalFilter, before: i64) -> Result<Option<i64>, Error> {
        let mut values: Vec<Value> = vec![before.into()];
        let scope = scope(filter, &mut values);
        let sql = format!(
            "SELECT id FROM signals {scope} AND id < ?1 ORDER BY id DESC LIMIT 1 OFFSET {}",
            FIRST_ROWS - 1
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row(params_from_iter(values), |row| row.get(0))
            .optional()?)
    }

    fn signals_in_order(
        &self,
        filter: &SignalFilter,
        before: i64,
        end: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SignalRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values: Vec<Value> =
            vec![before.into(), end.unwrap_or(i64::MIN).into(), limit.into()];
        let mut sql = format!("SELECT * FROM signals {}", scope(filter, &mut values));
        let words = [
            ("outcome", filter.outcome.map(Outcome::as_str)),
            ("source", filter.source.map(Source::as_str)),
        ];
        for (column, word) in words {
            if let Some(word) = word {
                values.push(word.to_owned().into());
                sql.push_str(&format!(" AND {column} = ?{}", values.len()));
            }
        }
        sql.push_str(" AND id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3");
        self.signal_rows(&sql, values)
    }

    /// Returns matching rows before row `before` by the index on outcome and source: the newest rows of every matching pair, and of
    /// these the newest.
    fn signals_by_kind(
        &self,
        filter: &SignalFilter,
        before: i64,
        limit: usize,
    ) -> Result<Vec<SignalRow>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values: Vec<Value> = vec![before.into(), limit.into()];
        let mut account = String::new();
        if let Some(id) = &filter.account {
            values.push(id.clone().into());
            account = format!("AND account_id = ?{}", values.len());
        }
        let outcomes = filter
            .outcome
            .map_or(Outcome::ALL.to_vec(), |one| vec![one]);
        let sources = filter.source.map_or(Source::ALL.to_vec(), |one| vec![one]);
        let mut parts = Vec::new();
        for outcome in &outcomes {
            for source in &sources {
                values.push(outcome.as_str().to_owned().into());
                values.push(source.as_str().to_owned().into());
                let place = values.len();
                parts.push(format!(
                    "SELECT id FROM (SELECT id FROM signals INDEXED BY signals_by_outcome
                       WHERE outcome = ?{} AND source = ?{place} AND id < ?1 {account} ORDER BY id DESC LIMIT ?2)",
                    place - 1,
                ));
            }
        }
        let sql = format!(
            "SELECT * FROM signals WHERE id IN ({}) ORDER BY id DESC LIMIT ?2",
            parts.join(" UNION ALL ")
        );
        self.signal_rows(&sql, values)
    }

    fn signal_rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<SignalRow>, Error> {
        Ok(self
            .conn
            .prepare_cached(sql)?
            .query_map(params_from_iter(values), signal)?
            .collect::<Result<_, _>>()?)
    }
}

/// Returns the index in list order and the condition that it covers, from `INDEXED BY` up to the first condition.
fn scope(filter: &SignalFilter, values: &mut Vec<Value>) -> String {
    match &filter.account {
        None => "NOT INDEXED WHERE 1".to_owned(),
        Some(account) => {
            values.push(account.clone().into());
            format!(
                "INDEXED BY signals_by_account WHERE account_id = ?{}",
                values.len()
            )
        }
    }
}
