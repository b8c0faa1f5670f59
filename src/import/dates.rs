//! Dates as people's files have them. `05/12/2026` is read only if the file decides which number is the month.

use jiff::civil;
use jiff::tz::TimeZone;

use crate::domain::time::Timestamp;

/// Which number comes first in a date with slashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// No date of the file decides it, or its dates contradict each other.
    #[default]
    Unknown,
    /// `13/05/2026`
    DayFirst,
    /// `05/13/2026`
    MonthFirst,
}

/// Why a date has no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoDate {
    /// The file does not decide which number is the month.
    #[error(
        "The day and the month can't be told apart, so the date was left out. Write it like 2026-05-12."
    )]
    Ambiguous,
    /// It is no date that is known.
    #[error(
        "This is not a date that can be read. Write it like 2026-05-12 or 2026-05-12T14:30:00Z."
    )]
    Unreadable,
}

/// Finds out the order of day and month from all dates of a file.
#[derive(Debug, Default)]
pub struct OrderFinder {
    day_first: bool,
    month_first: bool,
}

impl OrderFinder {
    /// Takes a cell into account, if it is a date with slashes.
    pub fn add(&mut self, cell: &str) {
        if !cell.contains('/') || cell.len() > 40 {
            return;
        }
        let cell = tidy(cell);
        let Some((Numbers::Slashes(first, second, year), time)) = parts(&cell) else {
            return;
        };
        self.day_first |= first > 12 && second <= 12;
        // LinkedIn writes "1/29/26, 2:37 PM", always in this order.
        let american = year < 100 && cell.contains(',') && is_twelve_hours(time);
        self.month_first |= (second > 12 && first <= 12) || american;
    }

    /// The order that the dates agree on.
    #[must_use]
    pub fn order(&self) -> Order {
        match (self.day_first, self.month_first) {
            (true, false) => Order::DayFirst,
            (false, true) => Order::MonthFirst,
            _ => Order::Unknown,
        }
    }
}

/// Reads a date. Without a time it is 00:00 UTC; a time without a zone is UTC.
///
/// # Errors
/// Returns why it can't be read.
pub fn parse(text: &str, order: Order) -> Result<Timestamp, NoDate> {
    let text = tidy(text);
    if let Some(at) = Timestamp::parse(&text) {
        return Ok(at);
    }
    let (numbers, time) = parts(&text).ok_or(NoDate::Unreadable)?;
    let (year, month, day) = match (numbers, order) {
        (Numbers::Known(year, month, day), _) => (year, month, day),
        (Numbers::Slashes(first, second, year), _) if first == second => (year, first, second),
        (Numbers::Slashes(day, month, year), Order::DayFirst) => (year, month, day),
        (Numbers::Slashes(month, day, year), Order::MonthFirst) => (year, month, day),
        (Numbers::Slashes(..), Order::Unknown) => return Err(NoDate::Ambiguous),
    };
    let (hour, minute, second) = clock(time).ok_or(NoDate::Unreadable)?;
    instant(full_year(year), month, day, hour, minute, second).ok_or(NoDate::Unreadable)
}

fn instant(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
) -> Option<Timestamp> {
    let small = |n: i64| i8::try_from(n).ok();
    let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let at = TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    Some(Timestamp(at.as_millisecond()))
}

/// A year of two digits is one of the years 1970 to 2069.
fn full_year(year: i64) -> i64 {
    match year {
        0..=69 => 2000 + year,
        70..=99 => 1900 + year,
        _ => year,
    }
}

/// The numbers of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// Year, month and day.
    Known(i64, i64, i64),
    /// Two numbers of which one is the month, and the year.
    Slashes(i64, i64, i64),
}

/// Single spaces, and no other kind of space.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The date and the rest of a text.
fn parts(text: &str) -> Option<(Numbers, &str)> {
    let (date, time) = match text.find([' ', 'T', ',']) {
        Some(end) => (
            &text[..end],
            text[end..].trim_start_matches([' ', 'T', ',']),
        ),
        None => (text, ""),
    };
    if let Some(numbers) = by_separator(date) {
        return Some((numbers, time));
    }
    // "08 Feb 2026", "12. Mai 2026" and "Feb 8, 2026", each with or without a time.
    let words: Vec<&str> = text.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    let (first, second, third) = (words.first()?, words.get(1)?, words.get(2)?);
    let (day, month) = match (number(first.trim_end_matches('.')), month(second)) {
        (Some(day), Some(month)) => (day, month),
        _ => (number(second.trim_end_matches('.'))?, self::month(first)?),
    };
    let after = text.find(third)? + third.len();
    let rest = text[after..].trim_start_matches([' ', ',']);
    Some((Numbers::Known(number(third)?, month, day), rest))
}

/// A date without spaces.
fn by_separator(date: &str) -> Option<Numbers> {
    let three = |separator: char| -> Option<[&str; 3]> {
        let parts: Vec<&str> = date.split(separator).collect();
        parts.try_into().ok()
    };
    if let Some([a, b, c]) = three('-') {
        return match month(b) {
            Some(month) => Some(Numbers::Known(number(c)?, month, number(a)?)),
            None if a.len() == 4 => Some(Numbers::Known(number(a)?, number(b)?, number(c)?)),
            None => None,
        };
    }
    if let Some([a, b, c]) = three('.') {
        return Some(Numbers::Known(number(c)?, number(b)?, number(a)?));
    }
    let [a, b, c] = three('/')?;
    if a.len() == 4 {
        return Some(Numbers::Known(number(a)?, number(b)?, number(c)?));
    }
    Some(Numbers::Slashes(number(a)?, number(b)?, number(c)?))
}

/// One to four digits.
fn number(text: &str) -> Option<i64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// The month of a name in English, German, French or Spanish, whole or cut short.
fn month(word: &str) -> Option<i64> {
    const NAMES: [&[&str]; 12] = [
        &["jan", "ene"],
        &["feb", "fev"],
        &["mar", "mrz"],
        &["apr", "avr", "abr"],
        &["may", "mai"],
        &["jun", "juin"],
        &["jul", "juil"],
        &["aug", "aou", "ago"],
        &["sep"],
        &["oct", "okt"],
        &["nov"],
        &["dec", "dez", "dic"],
    ];
    let word = super::columns::plain(word);
    if !(3..=10).contains(&word.len()) || word.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    // "juillet" begins like "juin" and "jul" do not.
    let begins = |names: &[&str]| names.iter().any(|name| word.starts_with(name));
    let found = NAMES.iter().position(|names| begins(names))?;
    i64::try_from(found + 1).ok()
}

fn is_twelve_hours(time: &str) -> bool {
    let time = time.to_ascii_lowercase();
    time.ends_with("am") || time.ends_with("pm")
}

/// Hour, minute and second of a time of day; midnight for an empty text.
fn clock(text: &str) -> Option<(i64, i64, i64)> {
    let lower = text.to_ascii_lowercase();
    let bare = ["utc", "z", "uhr"]
        .iter()
        .find_map(|end| lower.strip_suffix(end))
        .unwrap_or(&lower)
        .trim();
    if bare.is_empty() {
        return Some((0, 0, 0));
    }
    let afternoon = bare.strip_suffix("pm");
    let (bare, twelve) = match afternoon.or_else(|| bare.strip_suffix("am")) {
        Some(rest) => (rest.trim(), true),
        None => (bare, false),
    };
    let bare = bare.split('.').next()?;
    let mut parts = bare.split(':').map(number);
    let hour = parts.next()??;
    let minute = parts.next()??;
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() || (twelve && !(1..=12).contains(&hour)) {
        return None;
    }
    let hour = match (twelve, afternoon.is_some()) {
        (true, true) => hour % 12 + 12,
        (true, false) => hour % 12,
        (false, _) => hour,
    };
    Some((hour, minute, second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, order: Order) -> String {
        parse(text, order).map_or_else(|e| format!("{e:?}"), |at| at.to_string())
    }

    #[test]
    fn every_usual_form_is_read() {
        for (text, expected) in [
            ("2026-05-12T14:30:00+02:00", "2026-05-12T12:30:00.000Z"),
            ("2026-05-12", "2026-05-12T00:00:00.000Z"),
            ("2026-05-12 14:22", "2026-05-12T14:22:00.000Z"),
            ("2026-05-12T14:22:05.123", "2026-05-12T14:22:05.000Z"),
            ("12.05.2026", "2026-05-12T00:00:00.000Z"),
            ("1.2.26 9:05 Uhr", "2026-02-01T09:05:00.000Z"),
            ("08 Feb 2026", "2026-02-08T00:00:00.000Z"),
            ("8-Feb-26", "2026-02-08T00:00:00.000Z"),
            ("Feb 8, 2026", "2026-02-08T00:00:00.000Z"),
            ("February 8, 2026 3:04 PM", "2026-02-08T15:04:00.000Z"),
            ("12. Mai 2026", "2026-05-12T00:00:00.000Z"),
            ("12 juillet 2026", "2026-07-12T00:00:00.000Z"),
            ("3. März 2026", "2026-03-03T00:00:00.000Z"),
            ("2026/05/12", "2026-05-12T00:00:00.000Z"),
        ] {
            assert_eq!(read(text, Order::Unknown), expected, "{text}");
        }
        for bad in [
            "yesterday",
            "2026-13-01",
            "31.02.2026",
            "12.05",
            "46000",
            "12:30",
            "",
            "1/2",
        ] {
            assert_eq!(read(bad, Order::DayFirst), "Unreadable", "{bad}");
        }
    }

    #[test]
    fn a_date_with_slashes_needs_an_order() {
        assert_eq!(read("05/12/2026", Order::Unknown), "Ambiguous");
        assert_eq!(
            read("05/12/2026", Order::DayFirst),
            "2026-12-05T00:00:00.000Z"
        );
        assert_eq!(
            read("05/12/2026", Order::MonthFirst),
            "2026-05-12T00:00:00.000Z"
        );
        assert_eq!(read("5/5/2026", Order::Unknown), "2026-05-05T00:00:00.000Z");
        assert_eq!(read("13/05/2026", Order::MonthFirst), "Unreadable");
        let linkedin = "1/29/26, 2:37\u{202f}PM";
        assert_eq!(
            read(linkedin, Order::MonthFirst),
            "2026-01-29T14:37:00.000Z"
        );
        assert_eq!(
            read("1/29/26, 12:07 AM", Order::MonthFirst),
            "2026-01-29T00:07:00.000Z"
        );
    }

    #[test]
    fn the_dates_of_a_file_decide_the_order() {
        let order = |cells: &[&str]| {
            let mut finder = OrderFinder::default();
            cells.iter().for_each(|cell| finder.add(cell));
            finder.order()
        };
        assert_eq!(order(&["05/12/2026", "text/x", ""]), Order::Unknown);
        assert_eq!(order(&["05/12/2026", "13/05/2026"]), Order::DayFirst);
        assert_eq!(order(&["1/5/2026", "12/27/2025"]), Order::MonthFirst);
        assert_eq!(order(&["13/05/2026", "05/13/2026"]), Order::Unknown);
        assert_eq!(order(&["1/2/26, 2:37 PM"]), Order::MonthFirst);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([0-9]{1,5}|/|-|\\.|:| |,|T|PM|am|Feb|Mai|\\PC){0,12}") {
            let mut finder = OrderFinder::default();
            finder.add(&text);
            for order in [Order::Unknown, Order::DayFirst, Order::MonthFirst] {
                let _ = parse(&text, order);
            }
        }

        #[test]
        fn every_day_is_read_in_every_form(days in 0_i64..40_000) {
            let at = Timestamp(days * 86_400_000);
            let text = at.to_string();
            let (year, month, day) = (&text[..4], &text[5..7], &text[8..10]);
            prop_assert_eq!(parse(&format!("{day}.{month}.{year}"), Order::Unknown), Ok(at));
            prop_assert_eq!(parse(&format!("{month}/{day}/{year}"), Order::MonthFirst), Ok(at));
            prop_assert_eq!(parse(&format!("{day}/{month}/{year}"), Order::DayFirst), Ok(at));
        }
    }
}
