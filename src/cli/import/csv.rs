//! CSV as people export it: BOM, quotes, line breaks inside cells, commas or semicolons or tabs, headers in any spelling.

use serde_json::Value;

use super::columns::{Defaults, Field, Mapping, Row, RowError, meaning, squeezed};
use super::text::{BROKEN, BROKEN_HELP};
use super::{Entry, Unreadable};

/// Reads every row. A row in error loses no other row.
pub fn read(
    text: &str,
    mappings: &[Mapping],
    defaults: &Defaults,
) -> Result<Vec<Entry>, Unreadable> {
    let (start, delimiter) = match told(text) {
        Some(told) => told,
        None => (0, sniff(text)),
    };
    let mut parts = records(text, start, delimiter).into_iter();
    let Some(header) = parts.next() else {
        return Err(Unreadable::File(
            "is empty: there is not even a header".to_owned(),
        ));
    };
    if header.cells.iter().any(|h| h.contains(BROKEN)) {
        let line = header.line;
        return Err(Unreadable::File(format!("line {line} {BROKEN_HELP}")));
    }
    for mapping in mappings {
        let wanted = squeezed(&mapping.column);
        if !header
            .cells
            .iter()
            .any(|h| h.trim() == mapping.column || squeezed(h) == wanted)
        {
            return Err(Unreadable::Usage(format!(
                "--map names the column {:?}, but there are only: {}",
                mapping.column,
                header.cells.join(", ")
            )));
        }
    }
    let fields: Vec<(usize, Field)> = header.cells.iter().map(|h| meaning(h, mappings)).collect();
    if fields.iter().all(|(_, field)| *field == Field::Ignored) {
        return Err(Unreadable::File(format!(
            "line {}: no column is known: the first line must name the columns, or name them with --map",
            header.line
        )));
    }
    Ok(parts
        .map(|record| Entry {
            line: record.line,
            row: enrollment(&record, &fields, defaults),
        })
        .collect())
}

fn enrollment(
    record: &Record,
    fields: &[(usize, Field)],
    defaults: &Defaults,
) -> Result<serde_json::Map<String, Value>, RowError> {
    if record.unclosed {
        let detail = "a quote is opened here and never closed";
        return Err(RowError::new(None, detail));
    }
    if record.cells.iter().any(|cell| cell.contains(BROKEN)) {
        return Err(RowError::new(None, BROKEN_HELP));
    }
    let extra = record.cells.iter().skip(fields.len());
    if extra.clone().any(|cell| !cell.trim().is_empty()) {
        let (has, wants) = (record.cells.len(), fields.len());
        let detail = format!(
            "has {has} cells, but the header has {wants}: quote a cell that holds the delimiter"
        );
        return Err(RowError::new(None, detail));
    }
    let mut row = Row::default();
    for (field, cell) in fields.iter().zip(&record.cells) {
        row.put(*field, Value::String(cell.clone()));
    }
    row.finish(defaults)
}

/// One row and where it begins.
struct Record {
    line: usize,
    cells: Vec<String>,
    unclosed: bool,
}

/// Every row from byte `start` on that is not blank. After a quote that is never closed, reading goes on with the next line.
fn records(text: &str, mut start: usize, delimiter: u8) -> Vec<Record> {
    let mut all = Vec::new();
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    while start < text.len() {
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(&text.as_bytes()[start..]);
        let mut cells = ::csv::StringRecord::new();
        let mut again = None;
        // The text is UTF-8 and the reader is flexible: nothing can be wrong with a record.
        while reader.read_record(&mut cells).unwrap_or(false) {
            let byte = cells.position().map_or(0, ::csv::Position::byte);
            let from = start + usize::try_from(byte).unwrap_or(0);
            let end = start + usize::try_from(reader.position().byte()).unwrap_or(0);
            let raw = &text.as_bytes()[from..end.min(text.len())];
            let blank = raw
                .iter()
                .take_while(|b| matches!(b, b'\r' | b'\n'))
                .count();
            let from = from + blank;
            let unclosed = end >= text.len() && ends_in_quotes(raw, delimiter);
            let record = Record {
                line: lines.at(from),
                cells: cells.iter().map(str::to_owned).collect(),
                unclosed,
            };
            if unclosed {
                again = text[from..].find('\n').map(|n| from + n + 1);
            }
            if unclosed || record.cells.iter().any(|c| !c.trim().is_empty()) {
                all.push(record);
            }
        }
        match again {
            Some(next) => start = next,
            None => break,
        }
    }
    all
}

/// Whether a quote that opens a cell is never closed. A quote in the middle of a cell is a character like any other.
fn ends_in_quotes(raw: &[u8], delimiter: u8) -> bool {
    let (mut quoted, mut at_start) = (false, true);
    for byte in raw {
        // Of a doubled quote the first half closes the cell and the second opens it again.
        quoted ^= *byte == b'"' && (quoted || at_start);
        at_start = !quoted && (matches!(*byte, b'\r' | b'\n' | b'"') || *byte == delimiter);
    }
    quoted
}

/// Line numbers of places that only move forward.
struct Lines<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> usize {
        let passed = &self.text.as_bytes()[self.at.min(offset)..offset];
        self.line += passed.iter().filter(|b| **b == b'\n').count();
        self.at = offset;
        self.line
    }
}

/// Where the header begins and the delimiter, if the first line names it as Excel does: `sep=;`.
fn told(text: &str) -> Option<(usize, u8)> {
    let start = text.len() - text.trim_start_matches(['\r', '\n']).len();
    let line = text[start..].split(['\r', '\n']).next()?;
    let bare = line
        .strip_prefix('"')
        .and_then(|l| l.strip_suffix('"'))
        .unwrap_or(line);
    let key = bare.get(..4)?;
    let [delimiter] = bare.as_bytes()[4..] else {
        return None;
    };
    let usable = delimiter == b'\t' || delimiter == b' ' || delimiter.is_ascii_punctuation();
    (key.eq_ignore_ascii_case("sep=") && usable && delimiter != b'"')
        .then_some((start + line.len(), delimiter))
}

/// The delimiter that the first line has most of, outside quotes.
fn sniff(text: &str) -> u8 {
    let line = text
        .trim_start_matches(['\r', '\n'])
        .lines()
        .next()
        .unwrap_or_default();
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in line.bytes() {
        quoted ^= byte == b'"';
        for (delimiter, count) in &mut counts {
            if byte == *delimiter && !quoted {
                *count += 1;
            }
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max();
    counts
        .iter()
        .find(|(_, count)| Some(*count) == most)
        .map_or(b',', |(delimiter, _)| *delimiter)
}
