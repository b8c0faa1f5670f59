//! Imports of files, and what each of them created.

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::{Error, Reader, Tx};
use crate::domain::ids::EnrollmentId;
use crate::domain::time::Timestamp;

/// How far an import got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Rows that were handled.
    pub rows: u64,
    /// Enrollments that are new.
    pub created: u64,
    /// Enrollments that were changed.
    pub updated: u64,
    /// Enrollments that stay as they were.
    pub unchanged: u64,
    /// Rows that were not stored.
    pub failed: u64,
    /// Rows that were stored without a usable identity.
    pub no_usable_identity: u64,
    /// Rows whose enrollment an earlier row of the file has.
    pub duplicates: u64,
}

/// An import as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// Its number.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// `running`, `done` or `interrupted`.
    pub state: String,
    /// When it began.
    pub created_at: Timestamp,
    /// What the file is, as JSON.
    pub about: String,
    /// How many rows the file has.
    pub rows_total: u64,
    /// How far it got.
    pub counts: ImportCounts,
    /// What was wrong with rows, as JSON.
    pub errors: String,
}

/// An enrollment that an import created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedEnrollment {
    /// Its number.
    pub seq: i64,
    /// Its id.
    pub id: EnrollmentId,
    /// Why it must stay, if something happened to it since.
    pub kept_because: Option<&'static str>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<ImportRow> {
    let count = |name| Ok::<_, rusqlite::Error>(row.get::<_, i64>(name)?.unsigned_abs());
    Ok(ImportRow {
        seq: row.get("seq")?,
        id: row.get("id")?,
        state: row.get("state")?,
        created_at: Timestamp(row.get("created_at")?),
        about: row.get("about")?,
        rows_total: count("rows_total")?,
        counts: ImportCounts {
            rows: count("rows_done")?,
            created: count("created")?,
            updated: count("updated")?,
            unchanged: count("unchanged")?,
            failed: count("failed")?,
            no_usable_identity: count("no_usable_identity")?,
            duplicates: count("duplicates")?,
        },
        errors: row.get("errors")?,
    })
}

/// A count as SQLite stores it.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Reader<'_> {
    /// Returns an import.
    pub fn import(&self, id: &str) -> Result<Option<ImportRow>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM imports WHERE id = ?1")?
            .query_row([id], read)
            .optional()?)
    }

    /// Returns imports, newest first, from before this number.
    pub fn imports(&self, before: Option<i64>, limit: usize) -> Result<Vec<ImportRow>, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT * FROM imports WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2")?
            .query_map(
                params![before.unwrap_or(i64::MAX), stored(limit as u64)],
                read,
            )?
            .collect::<Result<_, _>>()?)
    }

    /// Returns the next enrollments that an import created, after this number.
    pub fn imported(
        &self,
        import: i64,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ImportedEnrollment>, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT seq, id, accepted_at IS NOT NULL, touched, EXISTS (SELECT 1 FROM signal_enrollments t
                   JOIN signals s ON s.id = t.signal_id WHERE t.enrollment_id = enrollments.id AND s.source = 'already_connected')
                 FROM enrollments INDEXED BY enrollments_by_import WHERE import_seq = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?
            .query_map(params![import, after, stored(limit as u64)], |row| {
                let (accepted, touched, answered) = (row.get(2)?, row.get(3)?, row.get(4)?);
                Ok(ImportedEnrollment {
                    seq: row.get(0)?,
                    id: super::row::id(row, "id")?,
                    kept_because: match (accepted, answered, touched) {
                        (true, _, _) => Some("The invitation was accepted."),
                        (_, true, _) => Some("An invite result was reported for it."),
                        (_, _, true) => Some("It was changed after the import."),
                        _ => None,
                    },
                })
            })?
            .collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// Begins an import. Returns its number.
    pub fn begin_import(
        &self,
        id: &str,
        about: &str,
        rows_total: u64,
        now: Timestamp,
    ) -> Result<i64, Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO imports (id, state, created_at, about, rows_total) VALUES (?1, 'running', ?2, ?3, ?4)",
            )?
            .execute(params![id, now.0, about, stored(rows_total)])?;
        Ok(self.conn.last_insert_rowid())
    }

    /// Writes down how far an import got.
    pub fn import_got_to(&self, import: i64, counts: &ImportCounts) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "UPDATE imports SET rows_done = :rows, created = :created, updated = :updated, unchanged = :unchanged,
                   failed = :failed, no_usable_identity = :no_usable_identity, duplicates = :duplicates WHERE seq = :seq",
            )?
            .execute(named_params! {
                ":seq": import,
                ":rows": stored(counts.rows),
                ":created": stored(counts.created),
                ":updated": stored(counts.updated),
                ":unchanged": stored(counts.unchanged),
                ":failed": stored(counts.failed),
                ":no_usable_identity": stored(counts.no_usable_identity),
                ":duplicates": stored(counts.duplicates),
            })?;
        Ok(())
    }

    /// Ends an import.
    pub fn end_import(
        &self,
        import: i64,
        state: &str,
        errors: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "UPDATE imports SET state = ?2, errors = ?3, ended_at = ?4 WHERE seq = ?1 AND state = 'running'",
            )?
            .execute(params![import, state, errors, now.0])?;
        Ok(())
    }

    /// Ends the imports that an earlier process left running. Returns how many there were.
    pub fn interrupt_imports(&self, now: Timestamp) -> Result<usize, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "UPDATE imports SET state = 'interrupted', ended_at = ?1 WHERE state = 'running'",
            )?
            .execute([now.0])?)
    }

    /// Says that an import created this enrollment.
    pub fn created_by_import(&self, id: &EnrollmentId, import: i64) -> Result<(), Error> {
        self.conn
            .prepare_cached("UPDATE enrollments SET import_seq = ?2 WHERE id = ?1")?
            .execute(params![id.as_str(), import])?;
        Ok(())
    }

    /// Says that a later row of the same import changed this enrollment, which is no touch.
    pub fn untouched_by_import(&self, id: &EnrollmentId, import: i64) -> Result<(), Error> {
        self.conn
            .prepare_cached("UPDATE enrollments SET touched = 0 WHERE id = ?1 AND import_seq = ?2")?
            .execute(params![id.as_str(), import])?;
        Ok(())
    }

    /// Whether an enrollment was created by this import and was not touched since.
    pub fn is_fresh_from_import(&self, id: &EnrollmentId, import: i64) -> Result<bool, Error> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT 1 FROM enrollments WHERE id = ?1 AND import_seq = ?2 AND touched = 0",
            )?
            .exists(params![id.as_str(), import])?)
    }
}
