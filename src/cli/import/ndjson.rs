//! NDJSON: one object a line, keys as the API or as exports name them.

use serde_json::{Map, Value};

use super::Entry;
use super::columns::{Defaults, Mapping, Row, RowError, meaning};
use super::text::{BROKEN, BROKEN_HELP};

/// Reads every line that is not blank.
pub fn read(text: &str, mappings: &[Mapping], defaults: &Defaults) -> Vec<Entry> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(n, line)| Entry {
            line: n + 1,
            row: enrollment(line, mappings, defaults),
        })
        .collect()
}

fn enrollment(
    line: &str,
    mappings: &[Mapping],
    defaults: &Defaults,
) -> Result<Map<String, Value>, RowError> {
    if line.contains(BROKEN) {
        return Err(RowError::new(None, BROKEN_HELP));
    }
    let object = match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(RowError::new(None, "is not a JSON object")),
        Err(error) => {
            let detail = format!("is not JSON, column {}", error.column());
            return Err(RowError::new(None, detail));
        }
    };
    let mut row = Row::default();
    for (key, value) in object {
        row.put(meaning(&key, mappings), value);
    }
    row.finish(defaults)
}
