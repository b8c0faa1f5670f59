//! Pages of lists, and their opaque cursors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::problem::Problem;
use crate::api::page::{Limit, Page};

/// The lists that have cursors. A cursor of one list is not valid in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `GET /v1/enrollments`
    Enrollments,
    /// `GET /v1/campaigns`
    Campaigns,
    /// `GET /v1/accounts`
    Accounts,
    /// `GET /v1/signals`
    Signals,
    /// `GET /v1/events`
    Events,
    /// `GET /v1/deliveries`
    Deliveries,
    /// `GET /v1/destinations`
    Destinations,
    /// `GET /v1/audit`
    Audit,
    /// `GET /v1/imports`
    Imports,
}

impl List {
    fn prefix(self) -> &'static str {
        match self {
            Self::Enrollments => "e:",
            Self::Campaigns => "c:",
            Self::Accounts => "a:",
            Self::Signals => "s:",
            Self::Events => "v:",
            Self::Deliveries => "d:",
            Self::Destinations => "t:",
            Self::Audit => "u:",
            Self::Imports => "i:",
        }
    }

    /// Returns the cursor after the item with this key.
    #[must_use]
    pub fn cursor(self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{key}", self.prefix()))
    }

    /// Returns the key in a cursor, or `None` if the cursor is not one of this list.
    #[must_use]
    pub fn key(self, cursor: &str) -> Option<String> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        text.strip_prefix(self.prefix()).map(str::to_owned)
    }

    /// Returns the key after which a page begins; `None` for the first page.
    ///
    /// # Errors
    /// 422 for a cursor that is not one of this list.
    pub fn start(self, cursor: Option<&str>) -> Result<Option<String>, Problem> {
        cursor
            .map(|text| self.key(text).ok_or_else(not_of_this_list))
            .transpose()
    }

    /// [`List::start`] of a list that is ordered by a number.
    ///
    /// # Errors
    /// 422 for a cursor that is not one of this list.
    pub fn start_number(self, cursor: Option<&str>) -> Result<Option<i64>, Problem> {
        self.start(cursor)?
            .map(|key| key.parse().map_err(|_| not_of_this_list()))
            .transpose()
    }

    /// Makes a page from rows that were read with one more than `limit`, which shows whether another page follows.
    pub fn page<R, T>(
        self,
        mut rows: Vec<R>,
        limit: Limit,
        key: impl FnOnce(&R) -> String,
        show: impl FnMut(R) -> T,
    ) -> Page<T> {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = rows.last().filter(|_| more).map(key);
        Page {
            items: rows.into_iter().map(show).collect(),
            cursor: next.map(|key| self.cursor(&key)),
        }
    }
}

fn not_of_this_list() -> Problem {
    Problem::invalid("cursor", "This is not a cursor of this list.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_valid_only_in_its_list() {
        let made = List::Accounts.cursor("acc_ä");
        assert_eq!(List::Accounts.key(&made).as_deref(), Some("acc_ä"));
        assert_eq!(List::Signals.key(&made), None);
        assert_eq!(List::Accounts.key("%%%"), None);
    }
}
