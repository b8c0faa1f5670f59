//! The filtered list of enrollments. With any filter, the cost of a page depends on its items, not on the size of the table.
//!
//! A page is filled by two queries. The first one reads a bounded number of rows in list order. It fills the page if many rows match
//! the filter. The second one continues with the index that contains the fewest rows besides the matching ones.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};

use super::enrollments::enrollment;
use super::{Error, Reader};
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::signal::Path;

/// How many rows the first query reads.
const FIRST_ROWS: i64 = 5_000;

/// Which enrollments to list; they come oldest first.
#[derive(Debug, Clone, Default)]
pub struct EnrollmentFilter {
    /// Only enrollments of this campaign.
    pub campaign: Option<String>,
    /// Only enrollments of this account.
    pub account: Option<String>,
    /// Only enrollments in this status.
    pub status: Option<Status>,
    /// Only late enrollments, or only the others.
    pub late: Option<bool>,
    /// Only enrollments whose accept was matched by this path.
    pub path: Option<Path>,
    /// Only accepted enrollments, or only the others.
    pub connected: Option<bool>,
    /// Only enrollments whose id, name, company or public identifier contains this text, ignoring case.
    pub q: Option<String>,
    /// Only enrollments after this position in the order of creation.
    pub after: Option<i64>,
}

/// An index that a query can use. A partial index comes with its own condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListIndex {
    All,
    OfCampaign,
    OfAccount,
    Late,
    OfStatus,
    Accepted,
    Open,
}

impl ListIndex {
    fn name(self) -> &'static str {
        match self {
            Self::All => "NOT INDEXED",
            Self::OfCampaign => "INDEXED BY enrollments_by_campaign",
            Self::OfAccount => "INDEXED BY enrollments_by_account",
            Self::Late => "INDEXED BY enrollments_late",
            Self::OfStatus => "INDEXED BY enrollments_by_status",
            Self::Accepted => "INDEXED BY enrollments_accepted",
            Self::Open => "INDEXED BY enrollments_open",
        }
    }

    fn condition(self) -> &'static str {
        match self {
            Self::All | Self::OfCampaign | Self::OfAccount => "1",
            Self::Late => "late = 1",
            Self::OfStatus => "status NOT IN ('CONNECTION_SENT', 'CONNECTION_ACCEPTED')",
            Self::Accepted => "accepted_at IS NOT NULL",
            Self::Open => "accepted_at IS NULL AND status NOT IN ('NOT_INTERESTED', 'DONE')",
        }
    }
}

impl EnrollmentFilter {
    /// Returns the index whose rows are in list order.
    fn in_order(&self) -> ListIndex {
        match (&self.account, &self.campaign) {
            (Some(_), _) => ListIndex::OfAccount,
            (None, Some(_)) => ListIndex::OfCampaign,
            (None, None) => ListIndex::All,
        }
    }

    /// Returns the index with the fewest rows besides the matching ones. Most enrollments are neither late nor connected, so there
    /// is no index for those.
    fn narrow(&self) -> ListIndex {
        match self.status {
            _ if self.late == Some(true) => ListIndex::Late,
            Some(Status::ConnectionSent) => ListIndex::Open,
            Some(Status::ConnectionAccepted) => ListIndex::Accepted,
            Some(_) => ListIndex::OfStatus,
            None if self.connected == Some(true) || self.path.is_some() => ListIndex::Accepted,
            None => self.in_order(),
        }
    }
}

/// The conditions of a query and their values.
struct Query {
    clauses: String,
    values: Vec<Value>,
}

impl Query {
    fn of(filter: &EnrollmentFilter, index: ListIndex) -> Self {
        let mut query = Self {
            clauses: index.condition().to_owned(),
            values: Vec::new(),
        };
        if let Some(campaign) = &filter.campaign {
            query.also("campaign_id = ?", campaign.clone());
        }
        if let Some(account) = &filter.account {
            query.also("account_id = ?", account.clone());
        }
        if let Some(status) = filter.status {
            query.also("status = ?", status.as_str().to_owned());
        }
        if let Some(late) = filter.late {
            query.also("late = ?", i64::from(late));
        }
        if let Some(path) = filter.path {
            query.also("path = ?", path.as_str().to_owned());
        }
        if let Some(connected) = filter.connected {
            query.also("(accepted_at IS NOT NULL) = ?", i64::from(connected));
        }
        if let Some(q) = &filter.q {
            query.also(
                "(contains_folded(id, ?) OR contains_folded(name, ?) OR contains_folded(company, ?)
                   OR contains_folded(public_identifier, ?))",
                q.clone(),
            );
        }
        query
    }

    fn also(&mut self, clause: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let place = format!("?{}", self.values.len());
        self.clauses.push_str(" AND ");
        self.clauses.push_str(&clause.replace('?', &place));
    }
}

impl Reader<'_> {
    /// Returns a page of enrollments in the order of their creation.
    pub fn enrollments(
        &self,
        filter: &EnrollmentFilter,
        limit: usize,
    ) -> Result<Vec<Enrollment>, Error> {
        let (in_order, narrow) = (filter.in_order(), filter.narrow());
        let after = filter.after.unwrap_or(0);
        let end = match narrow == in_order || filter.q.is_some() {
            true => None,
            false => self.first_rows_end(filter, after)?,
        };
        let mut rows = self.part(filter, in_order, after, end, limit)?;
        if let Some(end) = end
            && rows.len() < limit
        {
            rows.extend(self.part(filter, narrow, end, None, limit - rows.len())?);
        }
        Ok(rows)
    }

    /// Returns the last row that the first query reads, or `None` if it reads all.
    fn first_rows_end(&self, filter: &EnrollmentFilter, after: i64) -> Result<Option<i64>, Error> {
        let scope = EnrollmentFilter {
            campaign: filter.campaign.clone().filter(|_| filter.account.is_none()),
            account: filter.account.clone(),
            ..EnrollmentFilter::default()
        };
        let index = filter.in_order();
        let mut query = Query::of(&scope, index);
        query.also("seq > ?", after);
        let sql = format!(
            "SELECT seq FROM enrollments {} WHERE {} ORDER BY seq LIMIT 1 OFFSET {}",
            index.name(),
            query.clauses,
            FIRST_ROWS - 1
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row(params_from_iter(query.values), |row| row.get(0))
            .optional()?)
    }

    fn part(
        &self,
        filter: &EnrollmentFilter,
        index: ListIndex,
        after: i64,
        end: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Enrollment>, Error> {
        let mut query = Query::of(filter, index);
        query.also("seq > ?", after);
        if let Some(end) = end {
            query.also("seq <= ?", end);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        query.values.push(limit.into());
        let (name, clauses, place) = (index.name(), query.clauses, query.values.len());
        // If the index has another order than the list, only row numbers are sorted.
        let sql = match index {
            ListIndex::Accepted | ListIndex::Open => format!(
                "SELECT * FROM enrollments WHERE seq IN (SELECT seq FROM enrollments {name}
                   WHERE {clauses} ORDER BY seq LIMIT ?{place}) ORDER BY seq"
            ),
            _ => format!(
                "SELECT * FROM enrollments {name} WHERE {clauses} ORDER BY seq LIMIT ?{place}"
            ),
        };
        let rows = self
            .conn
            .prepare_cached(&sql)?
            .query_map(params_from_iter(query.values), enrollment)?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}
