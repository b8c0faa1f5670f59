//! Where a page of a list starts. Some lists of API v2 take a cursor, others an offset, and the documentation does not always say which.

use std::fmt;

/// Where a page starts, stored as `cursor:…` or `offset:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// After this many items.
    Offset(u64),
    /// At a cursor, which carries the query and its limit.
    Cursor(String),
}

impl Place {
    /// Parses a stored place. `None` stands for the first page. A cursor of another API gives `Err`.
    pub fn parse(stored: Option<&str>) -> Result<Self, ()> {
        let Some(stored) = stored else {
            return Ok(Self::Offset(0));
        };
        match stored.split_once(':') {
            Some(("cursor", cursor)) if !cursor.is_empty() => Ok(Self::Cursor(cursor.to_owned())),
            Some(("offset", offset)) => offset.parse().map(Self::Offset).map_err(drop),
            _ => Err(()),
        }
    }

    /// Returns whether this is the first page.
    pub fn is_first(&self) -> bool {
        *self == Self::Offset(0)
    }

    /// Returns where the next page starts, after a page with `items` of at most `limit` items.
    ///
    /// A full page without a cursor may be the last one, or the list may be paged by offset. So the list is read on by offset. A page
    /// that was found by a cursor and has none is the last one.
    pub fn next(&self, cursor: Option<String>, items: usize, limit: u32) -> Option<Self> {
        let full = items as u64 >= u64::from(limit);
        match (self, cursor) {
            (_, Some(cursor)) => Some(Self::Cursor(cursor)),
            (Self::Offset(offset), None) if full => {
                Some(Self::Offset(offset.saturating_add(items as u64)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => write!(f, "offset:{offset}"),
            Self::Cursor(cursor) => write!(f, "cursor:{cursor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_being_stored_and_one_of_another_api_is_refused() {
        for place in [
            Place::Offset(0),
            Place::Offset(300),
            Place::Cursor("a:b=".to_owned()),
        ] {
            assert_eq!(Place::parse(Some(&place.to_string())), Ok(place));
        }
        assert_eq!(Place::parse(None), Ok(Place::Offset(0)));
        for foreign in ["", "eyJsaW1pdCI6MTAwfQ==", "cursor:", "offset:x"] {
            assert_eq!(Place::parse(Some(foreign)), Err(()), "{foreign}");
        }
    }

    #[test]
    fn a_full_page_without_a_cursor_is_read_on_by_offset() {
        let first = Place::Offset(0);
        assert_eq!(first.next(None, 100, 100), Some(Place::Offset(100)));
        assert_eq!(first.next(None, 99, 100), None);
        assert_eq!(first.next(None, 0, 100), None);
        let cursor = Place::Cursor("a".to_owned());
        assert_eq!(
            first.next(Some("a".to_owned()), 3, 100),
            Some(cursor.clone())
        );
        assert_eq!(cursor.next(None, 100, 100), None);
    }
}
