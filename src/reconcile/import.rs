//! Storing the rows of an import, and taking an import back.

use super::{EnrollOutcome, Enrolled, Routine, Upsert};
use crate::domain::bad_input::BadInput;
use crate::domain::ids::EnrollmentId;
use crate::store::{Error, ImportCounts};

/// One row of a file.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// What it says.
    pub upsert: Upsert,
    /// The id that is derived from account, campaign and person.
    pub derived_id: Option<EnrollmentId>,
}

/// What one step of taking an import back did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// How many enrollments were deleted.
    pub deleted: u64,
    /// The enrollments that stay, and why.
    pub kept: Vec<(EnrollmentId, &'static str)>,
    /// Where the next step begins; `None` at the end.
    pub next: Option<i64>,
}

impl Routine<'_> {
    /// Begins an import. Returns its number.
    pub fn begin_import(&mut self, id: &str, about: &str, rows_total: u64) -> Result<i64, Error> {
        self.tx.begin_import(id, about, rows_total, self.now)
    }

    /// Writes down how far an import got.
    pub fn import_got_to(&mut self, import: i64, counts: &ImportCounts) -> Result<(), Error> {
        self.tx.import_got_to(import, counts)
    }

    /// Ends an import.
    pub fn end_import(&mut self, import: i64, state: &str, errors: &str) -> Result<(), Error> {
        self.tx.end_import(import, state, errors, self.now)
    }

    /// Stores one row of an import. A row that can't be stored is reported and nothing of it is stored.
    ///
    /// An id of the file may belong to an enrollment of another account, if the same list is imported for two accounts. Then the
    /// row is an enrollment of its own, under the derived id. Otherwise the second account would take the first one's leads away.
    pub fn import_row(
        &mut self,
        row: &FileRow,
        import: Option<i64>,
    ) -> Result<Result<Enrolled, BadInput>, Error> {
        let mut upsert = row.upsert.clone();
        let found = self.tx.enrollment(&upsert.id)?;
        if let Some(found) = &found
            && upsert.account.as_ref().is_some_and(|a| *a != found.account)
        {
            let Some(derived) = &row.derived_id else {
                return Ok(Err(BadInput::field(
                    "id",
                    format!(
                        "The enrollment with this id belongs to the account {}. Give the row another id.",
                        found.account
                    ),
                )));
            };
            upsert.id = derived.clone();
        }
        let is_fresh = match import {
            Some(import) => self.tx.is_fresh_from_import(&upsert.id, import)?,
            None => false,
        };
        let enrolled = match self.enroll(&upsert) {
            Ok(enrolled) => enrolled,
            Err(Error::BadInput(bad)) => return Ok(Err(bad)),
            Err(Error::Conflict { detail, .. }) => return Ok(Err(BadInput::body(detail))),
            Err(error) => return Err(error),
        };
        if let Some(import) = import {
            match enrolled.outcome {
                EnrollOutcome::Created => self.tx.created_by_import(&upsert.id, import)?,
                EnrollOutcome::Updated if is_fresh => {
                    self.tx.untouched_by_import(&upsert.id, import)?;
                }
                EnrollOutcome::Updated | EnrollOutcome::Unchanged => {}
            }
        }
        Ok(Ok(enrolled))
    }

    /// Deletes the next enrollments that an import created, unless something happened to them since.
    pub fn take_back(&mut self, import: i64, after: i64, limit: usize) -> Result<TakenBack, Error> {
        let mut done = TakenBack::default();
        let rows = self.tx.imported(import, after, limit)?;
        done.next = rows.last().map(|row| row.seq);
        for row in rows {
            match row.kept_because {
                Some(reason) => done.kept.push((row.id, reason)),
                None => {
                    self.tx.erase_enrollment(&row.id, self.now)?;
                    done.deleted += 1;
                }
            }
        }
        Ok(done)
    }
}
