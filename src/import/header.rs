//! Where the header of separated text is and which separator it uses, and which lines of such a file are no rows.

use std::cmp::Reverse;
use std::io::{self, BufRead};

use super::columns::{self, Mapping, plain};
use super::records::{Line, Lines, Records};
use crate::domain::identity::Identity;

/// How much of the beginning shows the header.
const SAMPLE_LINES_MAX: usize = 60;
const SAMPLE_BYTES_MAX: usize = 128 * 1024;
/// The separators that are looked for. Others can be named by a `sep=` line.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Where the header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The line on which it begins.
    pub line: usize,
    /// What separates the cells.
    pub separator: u8,
}

/// The first lines of a file.
///
/// # Errors
/// Returns the error of the reader.
pub fn sample<R: BufRead>(lines: &mut Lines<R>) -> io::Result<Vec<Line>> {
    let mut sample = Vec::new();
    let mut bytes = 0;
    while sample.len() < SAMPLE_LINES_MAX && bytes < SAMPLE_BYTES_MAX {
        let Some(line) = lines.next()? else { break };
        bytes += line.text.len();
        sample.push(line);
    }
    Ok(sample)
}

/// Finds the header: the first row of those that have the most names of columns. Other lines may stand above it.
///
/// # Errors
/// Returns what is wrong, and what to do.
pub fn find(sample: &[Line], mappings: &[Mapping]) -> Result<Header, String> {
    let Some(first) = sample.iter().find(|line| !line.text.trim().is_empty()) else {
        return Err("The file is empty.".to_owned());
    };
    if first.text.trim_start().starts_with('[') {
        return Err(
            "The file is a JSON array. Write one object on each line (jq -c '.[]' does it)."
                .to_owned(),
        );
    }
    let named = separator_line(&first.text);
    let (after, candidates) = match named {
        Some(separator) => (first.number, vec![separator]),
        None => (0, SEPARATORS.to_vec()),
    };
    let text: Vec<&str> = sample
        .iter()
        .skip(after)
        .map(|line| line.text.as_str())
        .collect();
    let text = text.join("\n");
    let mut found = Vec::new();
    for (place, separator) in candidates.into_iter().enumerate() {
        let mut records = Records::new(Lines::new(text.as_bytes()), separator);
        while let Ok(Some(record)) = records.next() {
            let columns = columns::understand(&record.cells, mappings);
            let known = columns
                .iter()
                .filter(|column| column.field.is_some())
                .count();
            let line = record.line + after;
            if known > 0 {
                let cells = record.cells.len();
                found.push((known, Reverse(line), cells, Reverse(place), separator));
            }
        }
    }
    let best = found.into_iter().max();
    best.map(|(_, Reverse(line), _, _, separator)| Header { line, separator })
        .ok_or_else(|| NOTHING_KNOWN.to_owned())
}

/// What to do with a file whose columns nobody knows.
const NOTHING_KNOWN: &str = "No column is known. The first line must name the columns. Say what they mean with `map` if their names are unusual.";

/// Whether the first thing in the file is a JSON object.
#[must_use]
pub fn begins_with_object(sample: &[Line]) -> bool {
    let first = sample.iter().find(|line| !line.text.trim().is_empty());
    first.is_some_and(|line| line.text.trim_start().starts_with('{'))
}

/// Whether lines are JSON objects although the first one is not.
#[must_use]
pub fn looks_like_ndjson(sample: &[Line]) -> bool {
    sample.iter().any(|line| line.text.starts_with("{\""))
}

/// The separator that Excel names in a first line such as `sep=;`.
fn separator_line(line: &str) -> Option<u8> {
    let line = line.trim_matches(['\u{feff}', ' ']);
    let bare = line
        .strip_prefix('"')
        .and_then(|l| l.strip_suffix('"'))
        .unwrap_or(line);
    let (key, separator) = bare.split_once('=')?;
    let [separator] = separator.as_bytes() else {
        return None;
    };
    let usable = matches!(separator, b'\t' | b' ')
        || (separator.is_ascii_punctuation() && *separator != b'"');
    (key.eq_ignore_ascii_case("sep") && usable).then_some(*separator)
}

/// Whether a row is one of the lines that reports add below their rows, such as `Grand Totals (5 records)`.
#[must_use]
pub fn is_footer(cells: &[String], columns: usize) -> bool {
    const BEGINNINGS: [&str; 9] = [
        "total",
        "grandtotal",
        "confidentialinformation",
        "copyright",
        "generatedby",
        "filteredby",
        "asof",
        "summe",
        "gesamt",
    ];
    let mut filled = cells.iter().map(|c| c.trim()).filter(|c| !c.is_empty());
    let (Some(only), None) = (filled.next(), filled.next()) else {
        return false;
    };
    let key = plain(only);
    columns > 1
        && cells.first().is_some_and(|first| first.trim() == only)
        && BEGINNINGS.iter().any(|b| key.starts_with(b))
        && (only.contains(' ') || BEGINNINGS.contains(&key.trim_end_matches('s')))
}

/// Puts a Sales Navigator URL together again whose commas were taken for separators:
/// `…/sales/lead/ACwAA…,NAME_SEARCH,aB1c`.
pub fn mend_sales_url(cells: &mut Vec<String>, columns: usize) {
    while cells.len() > columns {
        let cut = cells.iter().position(|cell| {
            let cell = cell.to_ascii_lowercase();
            cell.contains("linkedin.com/sales/") && !cell.contains(',')
        });
        let Some(place) = cut.filter(|place| place + 1 < cells.len()) else {
            return;
        };
        let kind = cells[place + 1].trim();
        let is_kind = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        if !is_kind || !Identity::from_text(&cells[place]).is_usable() {
            return;
        }
        let parts = if cells.len() - columns >= 2 { 2 } else { 1 };
        let tail: Vec<String> = cells.drain(place + 1..=place + parts).collect();
        cells[place] = format!("{},{}", cells[place], tail.join(","));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header, String> {
        let sample = sample(&mut Lines::new(text.as_bytes())).expect("in memory");
        find(&sample, &[])
    }

    fn at(line: usize, separator: u8) -> Result<Header, String> {
        Ok(Header { line, separator })
    }

    #[test]
    fn the_separator_and_the_header_are_found() {
        assert_eq!(header("id,name\n1,a;b;c;d\n"), at(1, b','));
        assert_eq!(header("Name;Firma, Ort\nx;y\n"), at(1, b';'));
        assert_eq!(header("Full Name\tProfile URL\n"), at(1, b'\t'));
        assert_eq!(header("linkedin url\nada\n"), at(1, b','));
        assert_eq!(header("\n\nid,name\n"), at(3, b','));
        let notes = "Notes:\n\"When exporting, you may\nnotice that\"\n\nFirst Name,Last Name,URL,Company\nA,B,c,d\n";
        assert_eq!(header(notes), at(5, b','));
    }

    #[test]
    fn excel_may_name_the_separator() {
        assert_eq!(header("sep=;\nid;name\n1;a,b\n"), at(2, b';'));
        assert_eq!(header("SEP=|\nid|name\n"), at(2, b'|'));
        assert_eq!(header("\"sep=\t\"\n\nid\tname\n"), at(3, b'\t'));
        for bad in [
            "sep=;;\n",
            "sep=\n",
            "sep=x\n",
            "sepp=;\n",
            "",
            "\n",
            "foo,bar\n1,2\n",
        ] {
            assert!(header(bad).is_err(), "{bad:?}");
        }
        assert!(
            header("[{\"id\": 1}]")
                .expect_err("an array")
                .contains("JSON array")
        );
    }

    #[test]
    fn footers_are_no_rows() {
        let is = |cells: &[&str]| {
            let cells: Vec<String> = cells.iter().map(|c| (*c).to_owned()).collect();
            is_footer(&cells, 4)
        };
        assert!(is(&["Grand Totals (5 records)"]));
        assert!(is(&["Total", "", "", ""]));
        assert!(is(&["Confidential Information - Do Not Distribute"]));
        assert!(is(&[
            "Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."
        ]));
        assert!(!is(&["Totalis"]));
        assert!(!is(&["", "Total"]));
        assert!(!is(&["Total", "x"]));
    }

    #[test]
    fn a_sales_navigator_url_without_quotes_is_put_together() {
        let url = "https://www.linkedin.com/sales/lead/ACwAACuVS84B9C7mdnyZdBEFwODpFInn7OkqT-M";
        let mend = |text: String| {
            let mut cells: Vec<String> = text.split(',').map(str::to_owned).collect();
            mend_sales_url(&mut cells, 3);
            cells
        };
        let whole = [
            String::from("1"),
            format!("{url},NAME_SEARCH,aB1c"),
            String::from("x"),
        ];
        assert_eq!(mend(format!("1,{url},NAME_SEARCH,aB1c,x")), whole);
        assert_eq!(mend(format!("1,{url},a,b,c")).len(), 5);
    }
}
