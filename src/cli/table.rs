//! Tables for a terminal.

use std::fmt::Display;

use comfy_table::{ContentArrangement, Table, presets};

use crate::domain::time::Timestamp;

/// A column: its heading and the function that makes its cell.
pub(super) type Column<T> = (&'static str, fn(&T) -> String);

/// A table with one row for each item.
pub(super) fn of<T>(items: &[T], columns: &[Column<T>]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns.iter().map(|(heading, _)| *heading));
    for item in items {
        table.add_row(columns.iter().map(|(_, cell)| cell(item)));
    }
    table
}

/// A value as text that can't steer the terminal.
pub(super) fn plain(value: impl Display) -> String {
    printable(&value.to_string())
}

/// [`plain`], and nothing for an unknown value.
pub(super) fn known(value: Option<impl Display>) -> String {
    value.map(plain).unwrap_or_default()
}

/// A text without control characters, so that a name can't steer the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// A time without the milliseconds, and nothing for an unknown one.
pub(super) fn time(at: impl Into<Option<Timestamp>>) -> String {
    let Some(at) = at.into() else {
        return String::new();
    };
    let text = at.rfc3339();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replace('T', " ")),
        None => text,
    }
}
