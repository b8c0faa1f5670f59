//! Rows of separated text, one at a time and in bounded memory. A quote that is never closed spoils its own line only.

use std::collections::VecDeque;
use std::io::{self, BufRead};

/// The longest line that is kept, in bytes. The rest of a longer one is dropped, and its row is an error.
const LINE_BYTES_MAX: usize = 256 * 1024;
/// How far a cell in quotes may reach before its quote counts as never closed.
const CELL_LINES_MAX: usize = 1_000;
const CELL_BYTES_MAX: usize = 1024 * 1024;

/// A line of a file, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// Whether it was too long to be kept whole.
    pub too_long: bool,
}

/// The lines of a reader of UTF-8. A line ends with LF, CR LF or CR.
pub struct Lines<R> {
    from: R,
    number: usize,
    after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines from `from`.
    pub fn new(from: R) -> Self {
        Self {
            from,
            number: 0,
            after_cr: false,
        }
    }

    /// Returns the next line.
    ///
    /// # Errors
    /// Returns the error of the reader.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut any = false;
        loop {
            let piece = self.from.fill_buf()?;
            if piece.is_empty() {
                if !any {
                    return Ok(None);
                }
                break;
            }
            if std::mem::take(&mut self.after_cr) && piece[0] == b'\n' {
                self.from.consume(1);
                continue;
            }
            any = true;
            let end = piece.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let content = &piece[..end.unwrap_or(piece.len())];
            let room = LINE_BYTES_MAX - bytes.len();
            too_long |= content.len() > room;
            bytes.extend_from_slice(&content[..content.len().min(room)]);
            let used = content.len();
            let Some(end) = end else {
                self.from.consume(used);
                continue;
            };
            self.after_cr = piece[end] == b'\r';
            self.from.consume(end + 1);
            break;
        }
        self.number += 1;
        Ok(Some(Line {
            number: self.number,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            too_long,
        }))
    }
}

/// One row and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The number of its first line.
    pub line: usize,
    /// Its cells, without quotes.
    pub cells: Vec<String>,
    /// Why it can't be used.
    pub damage: Option<Damage>,
}

/// Why a row can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A quote is opened and never closed.
    #[error("A quote is opened in this row and never closed.")]
    OpenQuote,
    /// The row is too long.
    #[error("The row is longer than {} KiB.", LINE_BYTES_MAX / 1024)]
    TooLong,
}

/// The rows of separated text.
pub struct Records<R> {
    lines: Lines<R>,
    /// Lines that were read ahead.
    ahead: VecDeque<Line>,
    separator: u8,
}

impl<R: BufRead> Records<R> {
    /// Reads rows from `lines`, whose cells are separated by `separator`.
    pub fn new(lines: Lines<R>, separator: u8) -> Self {
        Self {
            lines,
            ahead: VecDeque::new(),
            separator,
        }
    }

    fn line(&mut self) -> io::Result<Option<Line>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    /// Returns the next row that is not blank.
    ///
    /// # Errors
    /// Returns the error of the reader.
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        while let Some(line) = self.line()? {
            let record = self.record(line)?;
            if record.damage.is_some() || record.cells.iter().any(|c| !c.trim().is_empty()) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn record(&mut self, first: Line) -> io::Result<Record> {
        let number = first.number;
        let mut quotes = Quotes::new(self.separator);
        quotes.pass(&first.text);
        let mut text = first.text.clone();
        let mut damage = first.too_long.then_some(Damage::TooLong);
        let mut used = Vec::new();
        while quotes.open && damage.is_none() {
            let next = match self.line()? {
                Some(next) if used.len() < CELL_LINES_MAX && text.len() < CELL_BYTES_MAX => next,
                next => {
                    used.extend(next);
                    damage = Some(Damage::OpenQuote);
                    break;
                }
            };
            text.push('\n');
            text.push_str(&next.text);
            quotes.pass("\n");
            quotes.pass(&next.text);
            used.push(next);
        }
        if damage.is_some() {
            // Reading goes on with the line after the damaged one.
            for line in used.into_iter().rev() {
                self.ahead.push_front(line);
            }
            text = first.text;
        }
        Ok(Record {
            line: number,
            cells: cells(&text, self.separator),
            damage,
        })
    }
}

/// Whether a quote is open. A quote in the middle of a cell is a character like any other.
struct Quotes {
    separator: u8,
    open: bool,
    at_start: bool,
}

impl Quotes {
    fn new(separator: u8) -> Self {
        Self {
            separator,
            open: false,
            at_start: true,
        }
    }

    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            // The first half of a doubled quote closes the cell, and the second half opens it again.
            self.open ^= byte == b'"' && (self.open || self.at_start);
            self.at_start = !self.open && (byte == b'"' || byte == self.separator);
        }
    }
}

/// The cells of one row.
fn cells(text: &str, separator: u8) -> Vec<String> {
    if !text.contains('"') {
        return text
            .split(char::from(separator))
            .map(str::to_owned)
            .collect();
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(text.len().max(1))
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    // The text is UTF-8 and the reader is flexible, so a record can't fail.
    let _ = reader.read_record(&mut record);
    record.iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(text: &str, separator: u8) -> Vec<Record> {
        let mut records = Records::new(Lines::new(text.as_bytes()), separator);
        std::iter::from_fn(|| records.next().expect("in memory")).collect()
    }

    fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
        records(text, b',')
            .into_iter()
            .map(|r| (r.line, r.cells))
            .collect()
    }

    fn row(line: usize, cells: &[&str]) -> (usize, Vec<String>) {
        (line, cells.iter().map(|c| (*c).to_owned()).collect())
    }

    #[test]
    fn line_numbers_count_lines_inside_cells_and_blank_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "", "1,\"x", "y\"\"z\"", ",", "2,w", ""].join(end);
            assert_eq!(
                rows(&text),
                [
                    row(1, &["a", "b"]),
                    row(3, &["1", "x\ny\"z"]),
                    row(6, &["2", "w"])
                ],
                "{end:?}"
            );
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_spoils_its_line_only() {
        let found = records("1,a\n2,\"b\n3,c\n", b',');
        assert_eq!(found[1].damage, Some(Damage::OpenQuote));
        assert_eq!((found[2].line, found[2].damage), (3, None));
        assert_eq!(rows("1,5\" nail\n"), [row(1, &["1", "5\" nail"])]);
    }

    #[test]
    fn a_long_line_is_an_error_and_takes_no_memory() {
        let text = format!("1,{}\n2,b\n", "x".repeat(3 * LINE_BYTES_MAX));
        let found = records(&text, b',');
        assert_eq!(found[0].damage, Some(Damage::TooLong));
        assert!(found[0].cells[1].len() <= LINE_BYTES_MAX);
        assert_eq!(found[1].cells, ["2", "b"]);
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_back(
            table in prop::collection::vec(prop::collection::vec("[^\r\u{feff}]{0,12}", 2..5), 1..12),
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for cells in &table {
                writer.write_record(cells).expect("in memory");
            }
            let text = String::from_utf8(writer.into_inner().expect("in memory")).expect("UTF-8");
            let read: Vec<_> = rows(&text).into_iter().map(|r| r.1).collect();
            let blank = |cells: &Vec<String>| cells.iter().all(|c| c.trim().is_empty());
            let written: Vec<_> = table.into_iter().filter(|cells| !blank(cells)).collect();
            prop_assert_eq!(read, written);
        }

        #[test]
        fn no_text_makes_it_panic(text in "(a|,|;|\"|\n|\r|ä){0,60}", separator in prop::sample::select(vec![b',', b';', b'\t'])) {
            records(&text, separator);
        }
    }
}
