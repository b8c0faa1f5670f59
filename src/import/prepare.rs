//! The first passes over a file: what it is, whether it can be imported, and which rows repeat others.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::columns::{Field, Mapping};
use super::file::{Format, Rows, Survey, Unreadable};
use super::repeats::{Keys, Repeats};
use super::row::Defaults;
use super::spool::Spool;
use super::text::Detector;
use crate::api::imports::ImportColumn;
use crate::domain::bad_input::BadInput;

/// What the caller wants of a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What rows get that say nothing about it themselves.
    pub defaults: Defaults,
    /// What columns mean, by hand.
    pub mappings: Vec<Mapping>,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

/// A file that arrived.
#[derive(Debug)]
pub struct Upload {
    /// Its bytes.
    pub spool: Spool,
    /// What they say about their encoding.
    pub detector: Detector,
}

impl Upload {
    /// An empty file beside the database.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn beside(database: &Path) -> io::Result<Self> {
        Ok(Self {
            spool: Spool::beside(database)?,
            detector: Detector::default(),
        })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.detector.add(bytes);
        self.spool.write(bytes)
    }
}

/// Why a file is not imported.
#[derive(Debug)]
pub enum Refusal {
    /// What the caller has to change.
    Input(BadInput),
    /// The spool can't be used.
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Unreadable> for Refusal {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::File(why) => Self::Input(BadInput::body(why)),
            Unreadable::Mapping(why) => Self::Input(BadInput::field("map", why)),
            Unreadable::Io(error) => Self::Io(error),
        }
    }
}

/// A file that can be imported.
#[derive(Debug)]
pub struct Prepared {
    pub(super) spool: Spool,
    pub(super) options: Options,
    pub(super) survey: Survey,
    pub(super) repeats: Repeats,
    pub(super) rows_total: u64,
}

impl Prepared {
    /// Reads the whole file. This blocks, for some seconds if the file has a million rows.
    ///
    /// # Errors
    /// Returns why the file is not imported.
    pub fn of(upload: Upload, options: Options, database: &Path) -> Result<Self, Refusal> {
        let Upload { spool, detector } = upload;
        let encoding = detector
            .finish()
            .map_err(|why| Refusal::Input(BadInput::body(why)))?;
        let survey = Survey::of(|| Ok(spool.read()), encoding, &options.mappings)?;
        if options.defaults.account.is_none() && !survey.fills(Field::AccountId) {
            let detail = "Name the account that invites these people: no column has its id.";
            return Err(Refusal::Input(BadInput::field("account", detail)));
        }
        let mut keys = Keys::beside(database)?;
        let mut rows = Rows::of(spool.read(), &survey)?;
        let mut rows_total = 0;
        while let Some(entry) = rows.next(&survey, &options.defaults)? {
            rows_total += 1;
            if let Ok(row) = entry.row {
                keys.add(&row)?;
            }
        }
        Ok(Self {
            repeats: keys.repeated()?,
            spool,
            options,
            survey,
            rows_total,
        })
    }

    /// Whether nothing is to be stored.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.options.dry_run
    }

    /// What the file is: encoding, separator and columns.
    #[must_use]
    pub fn about(&self) -> Value {
        json!({"encoding": self.encoding(), "separator": self.separator(), "columns": self.columns()})
    }

    pub(super) fn encoding(&self) -> &'static str {
        self.survey.encoding.into()
    }

    pub(super) fn separator(&self) -> Option<String> {
        match self.survey.format {
            Format::Separated(header) => Some(char::from(header.separator).to_string()),
            Format::Ndjson => None,
        }
    }

    pub(super) fn columns(&self) -> Vec<ImportColumn> {
        let columns = self.survey.columns.iter().map(|column| ImportColumn {
            header: column.header.clone(),
            field: column.field.map(|field| field.as_str().to_owned()),
        });
        columns.collect()
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows_total(&self) -> u64 {
        self.rows_total
    }
}
