//! Totals of all accounts, for the metrics and the status line.

use rusqlite::params;

use super::enrollments::OpenScope;
use super::row::id;
use super::{Error, Reader};
use crate::domain::ids::AccountId;

/// An account in the totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTotal {
    /// The id of the account.
    pub id: AccountId,
    /// Whether it is healthy.
    pub healthy: bool,
    /// The number of open enrollments.
    pub open: u64,
}

impl Reader<'_> {
    /// Returns every account with its health and its number of open enrollments. The query looks up the status of a campaign once
    /// per account, not once per enrollment.
    pub fn account_totals(&self, scope: OpenScope) -> Result<Vec<AccountTotal>, Error> {
        let rows = self
            .conn
            .prepare_cached(
                "SELECT a.id, a.health = 'ok' AS healthy, coalesce(o.open, 0) AS open FROM accounts a
                 LEFT JOIN (
                   SELECT n.account_id, sum(n.open) AS open FROM (
                     SELECT account_id, campaign_id, count(*) AS open FROM enrollments INDEXED BY enrollments_open
                     WHERE accepted_at IS NULL AND status NOT IN ('NOT_INTERESTED', 'DONE')
                       AND coalesce(invited_at, created_at) > ?1
                     GROUP BY account_id, campaign_id) n
                   JOIN campaigns c ON c.id = n.campaign_id
                   WHERE c.status NOT IN ('draft', 'archived') GROUP BY n.account_id) o
                 ON o.account_id = a.id
                 ORDER BY a.id",
            )?
            .query_map(params![scope.since.0], |row| {
                Ok(AccountTotal {
                    id: id(row, "id")?,
                    healthy: row.get("healthy")?,
                    open: row.get::<_, i64>("open")?.unsigned_abs(),
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }
}
