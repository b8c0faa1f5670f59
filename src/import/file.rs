//! Reads a file of people row by row: first a survey of the whole file, then its rows.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::Value;

use super::columns::{self, Column, Field, Mapping, plain};
use super::dates::{Order, OrderFinder};
use super::header::{self, Header};
use super::records::{Lines, Record, Records};
use super::row::{Cells, Defaults, Remark, Row};
use super::text::{BROKEN, Decoded, Encoding};
use crate::domain::identity::Identity;

/// How many different keys of NDJSON objects are looked at.
const KEYS_MAX: usize = 500;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Separated text, and where its header is.
    Separated(Header),
    /// One JSON object on each line.
    Ndjson,
}

/// What the first pass over a file found out.
#[derive(Debug, Clone)]
pub struct Survey {
    /// How the bytes are read.
    pub encoding: Encoding,
    /// How the text is read.
    pub format: Format,
    /// What each column means, in the order of the file.
    pub columns: Vec<Column>,
    /// How its dates are read.
    pub order: Order,
    /// How many rows it has, about.
    pub rows: u64,
    /// Whether it is LinkedIn's list of invitations, whose columns depend on the direction.
    invitations: Option<Invitations>,
}

/// The places of the columns of LinkedIn's Invitations.csv.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Invitations {
    direction: usize,
    to: Option<usize>,
    from: Option<usize>,
    invitee: usize,
    inviter: usize,
}

/// Why no row of a file can be read.
#[derive(Debug)]
pub enum Unreadable {
    /// What is wrong with the file, and what to do.
    File(String),
    /// What is wrong with `map`.
    Mapping(String),
    /// The file can't be read from disk.
    Io(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn lines<R: Read>(from: R, encoding: Encoding) -> Lines<BufReader<Decoded<R>>> {
    Lines::new(BufReader::new(Decoded::new(from, encoding)))
}

impl Survey {
    /// Reads the whole file once. `open` starts at its beginning each time.
    ///
    /// # Errors
    /// Returns why no row can be read.
    pub fn of<R: Read>(
        mut open: impl FnMut() -> io::Result<R>,
        encoding: Encoding,
        mappings: &[Mapping],
    ) -> Result<Self, Unreadable> {
        let sample = header::sample(&mut lines(open()?, encoding))?;
        let found = header::find(&sample, mappings);
        match found {
            Err(_) if header::looks_like_ndjson(&sample) => {
                Self::of_ndjson(open()?, encoding, mappings)
            }
            _ if header::begins_with_object(&sample) => {
                Self::of_ndjson(open()?, encoding, mappings)
            }
            Err(why) => Err(Unreadable::File(why)),
            Ok(header) => Self::of_separated(open()?, encoding, mappings, header),
        }
    }

    fn of_separated<R: Read>(
        from: R,
        encoding: Encoding,
        mappings: &[Mapping],
        header: Header,
    ) -> Result<Self, Unreadable> {
        let mut records = after_header(from, encoding, &header)?;
        let Some(first) = records.next()? else {
            return Err(Unreadable::File("The file has no header line.".to_owned()));
        };
        let mut columns = columns::understand(&first.cells, mappings);
        missing_column(&columns, mappings)?;
        let mut sniffer = Sniffer::default();
        while let Some(record) = records.next()? {
            sniffer.rows += 1;
            for (place, cell) in record.cells.iter().enumerate() {
                let column = columns.get(place);
                sniffer.see(place, cell, column.is_some_and(|c| c.field.is_none()));
            }
        }
        sniffer.name_people(&mut columns);
        Ok(Self {
            encoding,
            invitations: Invitations::of(&columns),
            format: Format::Separated(header),
            columns,
            order: sniffer.dates.order(),
            rows: sniffer.rows,
        })
    }

    fn of_ndjson<R: Read>(
        from: R,
        encoding: Encoding,
        mappings: &[Mapping],
    ) -> Result<Self, Unreadable> {
        let mut lines = lines(from, encoding);
        let mut columns: Vec<Column> = Vec::new();
        let mut sniffer = Sniffer::default();
        while let Some(line) = lines.next()? {
            if line.text.trim().is_empty() {
                continue;
            }
            sniffer.rows += 1;
            let Ok(Value::Object(object)) = serde_json::from_str::<Value>(&line.text) else {
                continue;
            };
            for (key, value) in &object {
                let known = columns.iter().position(|c| c.header == key.trim());
                let place = match known {
                    Some(place) => place,
                    None if columns.len() < KEYS_MAX => {
                        columns.push(Column::of(key, mappings));
                        columns.len() - 1
                    }
                    None => continue,
                };
                if let Some(cell) = value.as_str() {
                    sniffer.see(place, cell, columns[place].field.is_none());
                }
            }
        }
        missing_column(&columns, mappings)?;
        let keys: Vec<String> = columns.into_iter().map(|c| c.header).collect();
        let mut columns = columns::understand(&keys, mappings);
        sniffer.name_people(&mut columns);
        Ok(Self {
            encoding,
            format: Format::Ndjson,
            columns,
            order: sniffer.dates.order(),
            rows: sniffer.rows,
            invitations: None,
        })
    }

    /// Whether a column fills this field.
    #[must_use]
    pub fn fills(&self, field: Field) -> bool {
        self.columns.iter().any(|c| c.field == Some(field))
    }

    /// The header of the first column that fills a field.
    #[must_use]
    pub fn header_of(&self, field: Field) -> Option<&str> {
        let column = self.columns.iter().find(|c| c.field == Some(field))?;
        Some(&column.header)
    }
}

fn after_header<R: Read>(
    from: R,
    encoding: Encoding,
    header: &Header,
) -> io::Result<Records<BufReader<Decoded<R>>>> {
    let mut lines = lines(from, encoding);
    for _ in 1..header.line {
        lines.next()?;
    }
    Ok(Records::new(lines, header.separator))
}

/// A mapping that names a column which the file does not have is a mistake of the caller.
fn missing_column(columns: &[Column], mappings: &[Mapping]) -> Result<(), Unreadable> {
    for mapping in mappings {
        let wanted = plain(&mapping.header);
        let found = columns
            .iter()
            .any(|c| c.header == mapping.header || plain(&c.header) == wanted);
        if !found {
            let headers: Vec<_> = columns.iter().map(|c| c.header.as_str()).collect();
            return Err(Unreadable::Mapping(format!(
                "The file has no column {:?}. Its columns are: {}.",
                mapping.header,
                headers.join(", ")
            )));
        }
    }
    Ok(())
}

/// Looks at every cell of the first pass.
#[derive(Default)]
struct Sniffer {
    rows: u64,
    dates: OrderFinder,
    /// Whether the cells of a column that nobody knows are pages of people.
    people: Vec<bool>,
}

impl Sniffer {
    fn see(&mut self, place: usize, cell: &str, is_unknown: bool) {
        self.dates.add(cell);
        if !is_unknown || self.people.get(place) == Some(&true) {
            return;
        }
        let lower = cell.to_ascii_lowercase();
        let is_url = lower.contains("linkedin.com/in/") || lower.contains("linkedin.com/sales/");
        if is_url && Identity::from_text(cell).is_usable() {
            if self.people.len() <= place {
                self.people.resize(place + 1, false);
            }
            self.people[place] = true;
        }
    }

    /// Takes unknown columns with pages of people for what they are, unless their header names somebody else.
    fn name_people(&self, columns: &mut [Column]) {
        for (place, column) in columns.iter_mut().enumerate() {
            let holds_people = self.people.get(place) == Some(&true);
            if holds_people && column.field.is_none() && column.may_be_a_person {
                column.field = Some(Field::LinkedinUrl);
            }
        }
    }
}

impl Invitations {
    fn of(columns: &[Column]) -> Option<Self> {
        let keys: Vec<String> = columns.iter().map(|c| plain(&c.header)).collect();
        let place = |wanted: &str| keys.iter().position(|key| key == wanted);
        if !columns::is_invitations(&keys) {
            return None;
        }
        Some(Self {
            direction: place("direction")?,
            to: place("to"),
            from: place("from"),
            invitee: place("inviteeprofileurl")?,
            inviter: place("inviterprofileurl")?,
        })
    }

    /// Whether a cell says something about the lead. The lead of an incoming invitation is who sent it, and we sent none.
    fn counts(self, record: &Record, place: usize, field: Option<Field>) -> bool {
        let cell = record.cells.get(self.direction);
        let incoming = cell.is_some_and(|c| c.trim().eq_ignore_ascii_case("incoming"));
        if incoming {
            place != self.invitee
                && Some(place) != self.to
                && !matches!(field, Some(Field::InvitedAt | Field::Note))
        } else {
            place != self.inviter && Some(place) != self.from
        }
    }
}

/// One row of the second pass.
#[derive(Debug)]
pub struct Entry {
    /// The line on which it begins.
    pub line: usize,
    /// The enrollment, or why there is none.
    pub row: Result<Row, Remark>,
}

/// The rows of a file.
pub enum Rows<R: Read> {
    /// Of separated text.
    Separated(Records<BufReader<Decoded<R>>>),
    /// Of NDJSON.
    Ndjson(Lines<BufReader<Decoded<R>>>),
}

impl<R: Read> Rows<R> {
    /// The rows of a file that was surveyed.
    ///
    /// # Errors
    /// Returns the error of the reader.
    pub fn of(from: R, survey: &Survey) -> io::Result<Self> {
        Ok(match &survey.format {
            Format::Ndjson => Self::Ndjson(lines(from, survey.encoding)),
            Format::Separated(header) => {
                let mut records = after_header(from, survey.encoding, header)?;
                records.next()?;
                Self::Separated(records)
            }
        })
    }

    /// Returns the next row that says anything.
    ///
    /// # Errors
    /// Returns the error of the reader.
    pub fn next(&mut self, survey: &Survey, defaults: &Defaults) -> io::Result<Option<Entry>> {
        match self {
            Self::Separated(records) => next_record(records, survey, defaults),
            Self::Ndjson(lines) => next_object(lines, survey, defaults),
        }
    }
}

/// The remark about a row with bytes that can't be decoded.
fn broken() -> Remark {
    Remark::row(
        "The row is damaged: it has bytes that don't fit the encoding of the file. Save the file as UTF-8.",
    )
}

fn next_record<R: BufRead>(
    records: &mut Records<R>,
    survey: &Survey,
    defaults: &Defaults,
) -> io::Result<Option<Entry>> {
    while let Some(mut record) = records.next()? {
        header::mend_sales_url(&mut record.cells, survey.columns.len());
        let row = match check(&record, survey.columns.len()) {
            Err(remark) => Err(remark),
            Ok(()) if header::is_footer(&record.cells, survey.columns.len()) => continue,
            Ok(()) => {
                let cells = cells(&record, survey);
                // For example a hidden member in LinkedIn's Connections.csv, for which only the date of the connection is known.
                if cells.is_empty() {
                    continue;
                }
                cells.finish(defaults, survey.order)
            }
        };
        let line = record.line;
        return Ok(Some(Entry { line, row }));
    }
    Ok(None)
}

fn check(record: &Record, columns: usize) -> Result<(), Remark> {
    if let Some(damage) = record.damage {
        return Err(Remark::row(damage.to_string()));
    }
    if record.cells.iter().any(|cell| cell.contains(BROKEN)) {
        return Err(broken());
    }
    let extra = record.cells.iter().skip(columns);
    if extra.clone().any(|cell| !cell.trim().is_empty()) {
        return Err(Remark::row(format!(
            "The row has {} cells, but the header has {columns}. Put a cell that contains the separator in quotes.",
            record.cells.len()
        )));
    }
    Ok(())
}

fn cells(record: &Record, survey: &Survey) -> Cells {
    let mut cells = Cells::default();
    for (place, (column, cell)) in survey.columns.iter().zip(&record.cells).enumerate() {
        let Some(field) = column.field else {
            continue;
        };
        let counts = survey
            .invitations
            .is_none_or(|i| i.counts(record, place, column.field));
        if counts {
            cells.put(column.rank, field, Value::String(cell.clone()));
        }
    }
    cells
}

fn next_object<R: BufRead>(
    lines: &mut Lines<R>,
    survey: &Survey,
    defaults: &Defaults,
) -> io::Result<Option<Entry>> {
    while let Some(line) = lines.next()? {
        if line.text.trim().is_empty() {
            continue;
        }
        let object = if line.too_long {
            Err(Remark::row("The line is too long."))
        } else if line.text.contains(BROKEN) {
            Err(broken())
        } else {
            match serde_json::from_str(&line.text) {
                Ok(Value::Object(object)) => Ok(object),
                Ok(_) => Err(Remark::row("The line is not a JSON object.")),
                // The error tells the place and never the text.
                Err(error) => Err(Remark::row(format!(
                    "The line is not JSON, from column {}.",
                    error.column()
                ))),
            }
        };
        let row = object.and_then(|object| {
            let mut cells = Cells::default();
            for (key, value) in object {
                let column = survey.columns.iter().find(|c| c.header == key.trim());
                if let Some(column) = column
                    && let Some(field) = column.field
                {
                    cells.put(column.rank, field, value);
                }
            }
            cells.finish(defaults, survey.order)
        });
        let line = line.number;
        return Ok(Some(Entry { line, row }));
    }
    Ok(None)
}
