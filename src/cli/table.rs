//! Tables as people read them in a terminal.

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// A column: its heading and how its cell is made.
pub(super) type Column = (&'static str, fn(&Value) -> String);

/// A table of JSON objects.
pub(super) fn of(items: &[Value], columns: &[Column]) -> Table {
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

/// A value as text: nothing for null; no control character, so that a name can't steer the terminal.
pub(super) fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    printable(&text)
}

/// A text without anything that steers a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// A time without the milliseconds.
pub(super) fn time(value: &Value) -> String {
    let text = plain(value);
    match text.split_once('.') {
        Some((seconds, _)) if seconds.len() == 19 => format!("{}Z", seconds.replace('T', " ")),
        _ => text,
    }
}
