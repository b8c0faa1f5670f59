//! Query parameters and pages: `limit` 1 to 500, opaque cursors, the shape of lists (contract section 8).

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::problem::Problem;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 500;

/// The query of a request. Unknown parameters are ignored; one that is known is given at most once and can be read, or it is a
/// 422 in its name.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Self {
        Self(
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// A parameter as it is.
    ///
    /// # Errors
    /// 422 when it is given twice.
    pub fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value.clone());
        if values.next().is_some() {
            return Err(Problem::invalid(name, format!("{name} is given twice.")));
        }
        Ok(value)
    }

    /// A parameter that is read as a word or a number.
    ///
    /// # Errors
    /// 422 when it can't be.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T::Err: std::fmt::Display,
    {
        self.text(name)?
            .map(|text| {
                text.parse()
                    .map_err(|error: T::Err| Problem::invalid(name, format!("{name}: {error}.")))
            })
            .transpose()
    }

    /// An id that is looked for.
    ///
    /// # Errors
    /// 422 when no id looks like it.
    pub fn id<T, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<String>, Problem> {
        let text = self.text(name)?;
        if let Some(text) = &text {
            parse(text).map_err(|error| Problem::invalid(name, format!("{error}.")))?;
        }
        Ok(text)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// 422 for anything else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Problem::invalid(
                name,
                format!("{name} must be true or false."),
            )),
        }
    }

    /// How many items a page has.
    ///
    /// # Errors
    /// 422 unless it is 1 to 500.
    pub fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.text("limit")? else {
            return Ok(LIMIT_DEFAULT);
        };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|limit| digits && (1..=LIMIT_MAX).contains(limit))
            .ok_or_else(|| Problem::invalid("limit", format!("limit must be 1 to {LIMIT_MAX}.")))
    }

    /// Where the page before ended.
    ///
    /// # Errors
    /// 422 for a cursor that did not come from this list.
    pub fn cursor(&self, list: List) -> Result<Option<String>, Problem> {
        self.text("cursor")?
            .map(|text| {
                read_cursor(list, &text)
                    .ok_or_else(|| Problem::invalid("cursor", "This is not a cursor of this list."))
            })
            .transpose()
    }

    /// [`Query::cursor`] of a list that is ordered by a number.
    ///
    /// # Errors
    /// The same.
    pub fn number_cursor(&self, list: List) -> Result<Option<i64>, Problem> {
        self.cursor(list)?
            .map(|key| {
                key.parse()
                    .map_err(|_| Problem::invalid("cursor", "This is not a cursor of this list."))
            })
            .transpose()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// The lists that have cursors; a cursor of one means nothing to another.
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
}

impl List {
    fn mark(self) -> &'static str {
        match self {
            Self::Enrollments => "e:",
            Self::Campaigns => "c:",
            Self::Accounts => "a:",
            Self::Signals => "s:",
            Self::Events => "v:",
            Self::Deliveries => "d:",
            Self::Destinations => "t:",
        }
    }
}

/// The cursor after the item of this key.
#[must_use]
pub fn cursor(list: List, key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}{key}", list.mark()))
}

/// The key in a cursor; `None` when it is not one of this list's.
#[must_use]
pub fn read_cursor(list: List, cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(list.mark()).map(str::to_owned)
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of rows that were asked for with one more than `limit`, so that the last page knows that it is.
    pub fn cut<R>(
        list: List,
        mut rows: Vec<R>,
        limit: usize,
        key: impl FnOnce(&R) -> String,
        show: impl FnMut(R) -> T,
    ) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(key);
        Self {
            items: rows.into_iter().map(show).collect(),
            cursor: next.map(|key| cursor(list, &key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let limit = |text: &str| Query::parse(text).limit().ok();
        assert_eq!(limit(""), Some(100));
        assert_eq!(limit("limit=1"), Some(1));
        assert_eq!(limit("limit=500"), Some(500));
        for bad in [
            "limit=",
            "limit=0",
            "limit=501",
            "limit=-1",
            "limit=%2B5",
            "limit=x",
            "limit=1&limit=2",
            "limit=99999999999999999999",
        ] {
            assert_eq!(limit(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_cursor_is_of_its_list() {
        let made = cursor(List::Accounts, "acc_ä");
        assert_eq!(read_cursor(List::Accounts, &made).as_deref(), Some("acc_ä"));
        assert_eq!(read_cursor(List::Signals, &made), None);
        assert_eq!(read_cursor(List::Accounts, "%%%"), None);
    }
}
