//! The filtered list of enrollments. Whatever the filter, a page costs about as much as its items, not as much as the table.
//!
//! A page is filled in two goes. The first walks a bounded number of rows in the order of the list, which finds the items of every
//! filter that fits many rows. The second uses the index that holds only rows of the kind that is sought.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};

use super::enrollments::enrollment;
use super::{Error, Reader};
use crate::domain::enrollment::{Enrollment, Status};
use crate::domain::signal::Path;

/// How many rows the first go looks at.
const WALK: i64 = 5_000;

/// Which enrollments to list; they come oldest first.
#[derive(Debug, Clone, Default)]
pub struct EnrollmentFilter {
    /// Only of this campaign.
    pub campaign: Option<String>,
    /// Only of this account.
    pub account: Option<String>,
    /// Only in this status.
    pub status: Option<Status>,
    /// Only late ones, or only those that are not.
    pub late: Option<bool>,
    /// Only those stamped by this path.
    pub path: Option<Path>,
    /// Only accepted ones, or only those that are not.
    pub connected: Option<bool>,
    /// Only where the id, the name, the company or the public identifier contains this, in any case.
    pub q: Option<String>,
    /// Only those enrolled after this place in the order.
    pub after: Option<i64>,
}

/// The index that a query uses, with the condition that the index itself has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    All,
    OfCampaign,
    OfAccount,
    Late,
    OfStatus,
    Accepted,
    Open,
}

impl Way {
    fn index(self) -> &'static str {
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
    /// The index whose rows have the order of the list.
    fn walk(&self) -> Way {
        match (&self.account, &self.campaign) {
            (Some(_), _) => Way::OfAccount,
            (None, Some(_)) => Way::OfCampaign,
            (None, None) => Way::All,
        }
    }

    /// The index with the fewest rows beside those that are sought. Those that are not late or not connected are most of all, so
    /// they have none.
    fn narrow(&self) -> Way {
        match self.status {
            _ if self.late == Some(true) => Way::Late,
            Some(Status::ConnectionSent) => Way::Open,
            Some(Status::ConnectionAccepted) => Way::Accepted,
            Some(_) => Way::OfStatus,
            None if self.connected == Some(true) || self.path.is_some() => Way::Accepted,
            None => self.walk(),
        }
    }
}

/// A query that is being put together.
struct Query {
    clauses: String,
    values: Vec<Value>,
}

impl Query {
    fn of(filter: &EnrollmentFilter, way: Way) -> Self {
        let mut query = Self {
            clauses: way.condition().to_owned(),
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
    /// Enrollments in the order in which they were made.
    pub fn enrollments(
        &self,
        filter: &EnrollmentFilter,
        limit: usize,
    ) -> Result<Vec<Enrollment>, Error> {
        let (walk, narrow) = (filter.walk(), filter.narrow());
        let after = filter.after.unwrap_or(0);
        let end = match narrow == walk || filter.q.is_some() {
            true => None,
            false => self.walk_end(filter, after)?,
        };
        let mut rows = self.part(filter, walk, after, end, limit)?;
        if let Some(end) = end
            && rows.len() < limit
        {
            rows.extend(self.part(filter, narrow, end, None, limit - rows.len())?);
        }
        Ok(rows)
    }

    /// The last row that the first go looks at; `None` when it reaches all.
    fn walk_end(&self, filter: &EnrollmentFilter, after: i64) -> Result<Option<i64>, Error> {
        let scope = EnrollmentFilter {
            campaign: filter.campaign.clone().filter(|_| filter.account.is_none()),
            account: filter.account.clone(),
            ..EnrollmentFilter::default()
        };
        let way = filter.walk();
        let mut query = Query::of(&scope, way);
        query.also("seq > ?", after);
        let sql = format!(
            "SELECT seq FROM enrollments {} WHERE {} ORDER BY seq LIMIT 1 OFFSET {}",
            way.index(),
            query.clauses,
            WALK - 1
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
        way: Way,
        after: i64,
        end: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Enrollment>, Error> {
        let mut query = Query::of(filter, way);
        query.also("seq > ?", after);
        if let Some(end) = end {
            query.also("seq <= ?", end);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        query.values.push(limit.into());
        let (index, clauses, place) = (way.index(), query.clauses, query.values.len());
        // Where an index has another order than the list, only row numbers are sorted.
        let sql = match way {
            Way::Accepted | Way::Open => format!(
                "SELECT * FROM enrollments WHERE seq IN (SELECT seq FROM enrollments {index}
                   WHERE {clauses} ORDER BY seq LIMIT ?{place}) ORDER BY seq"
            ),
            _ => format!(
                "SELECT * FROM enrollments {index} WHERE {clauses} ORDER BY seq LIMIT ?{place}"
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
