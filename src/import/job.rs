//! The last pass over a file: its rows are stored in small steps, so that no webhook and no delivery waits for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::columns::Field;
use super::file::Rows;
use super::input::imported_row;
use super::prepare::Prepared;
use super::repeats::Repeat;
use super::row::{Remark, Row};
use crate::api::imports::{ImportError, ImportReport, ImportState};
use crate::clock::Clock;
use crate::domain::bad_input::BadInput;
use crate::reconcile::{EnrollOutcome, Enrolled, FileRow, Reconciler, Routine};
use crate::store::{Error, ImportCounts};

/// How many rows are stored in one transaction.
const STEP_ROWS: usize = 250;
/// How many errors are reported.
const ERRORS_MAX: usize = 1_000;
/// How many rows are shown as they were understood.
const PREVIEW_ROWS: usize = 20;

/// An import that runs or has ended.
#[derive(Debug)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its number in the database; `None` for a dry run.
    seq: Option<i64>,
    report: Mutex<ImportReport>,
}

/// A row of a step.
struct Item {
    line: usize,
    row: Result<FileRow, Remark>,
    repeat: Repeat,
    /// What was left out of the row.
    notes: Vec<Remark>,
}

/// What became of a row.
type Outcome = Result<Enrolled, BadInput>;

impl Job {
    /// An import of this file. `seq` is its number in the database.
    #[must_use]
    pub fn new(id: String, seq: Option<i64>, prepared: &Prepared, clock: &Clock) -> Self {
        let report = ImportReport {
            import_id: Some(id.clone()),
            state: ImportState::Running,
            dry_run: prepared.options.dry_run,
            created_at: clock.now(),
            encoding: prepared.encoding().to_owned(),
            separator: prepared.separator(),
            columns: prepared.columns(),
            rows_total: prepared.rows_total,
            rows: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            failed: 0,
            no_usable_identity: 0,
            duplicates: 0,
            unknown_accounts: Vec::new(),
            errors: Vec::new(),
            preview: Vec::new(),
        };
        Self {
            id,
            seq,
            report: Mutex::new(report),
        }
    }

    fn locked(&self) -> MutexGuard<'_, ImportReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it got.
    #[must_use]
    pub fn report(&self) -> ImportReport {
        self.locked().clone()
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.locked().state == ImportState::Running
    }

    /// Stores the rows of the file until its end or until `stop`.
    pub async fn run(
        self: Arc<Self>,
        prepared: Prepared,
        reconciler: Reconciler,
        clock: Clock,
        stop: CancellationToken,
    ) {
        let (to, mut steps) = mpsc::channel(2);
        let job = self.clone();
        let reader_clock = clock.clone();
        let reading = tokio::task::spawn_blocking(move || job.read(prepared, &reader_clock, &to));
        let mut ended = Ok(());
        while let Some(step) = steps.recv().await {
            if stop.is_cancelled() {
                ended = Err("the daemon stops".to_owned());
                break;
            }
            if let Err(error) = self.step(step, &reconciler).await {
                ended = Err(error.to_string());
                break;
            }
        }
        drop(steps);
        let read = match reading.await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        self.end(ended.and(read), &reconciler).await;
    }

    /// Notes the end, here and in the database.
    async fn end(&self, ended: Result<(), String>, reconciler: &Reconciler) {
        let (state, errors, counts) = {
            let mut report = self.locked();
            report.state = match &ended {
                Ok(()) => ImportState::Done,
                Err(_) => ImportState::Interrupted,
            };
            let state: &'static str = report.state.into();
            (
                state,
                serde_json::to_string(&report.errors).unwrap_or_default(),
                report.counts(),
            )
        };
        if let Err(why) = &ended {
            tracing::warn!(import = self.id, why, "import interrupted");
        }
        let Some(seq) = self.seq else { return };
        let stored = reconciler
            .run(move |routine| {
                routine.import_got_to(seq, &counts)?;
                routine.end_import(seq, state, &errors)
            })
            .await;
        if let Err(error) = stored {
            tracing::warn!(import = self.id, %error, "the end of an import can't be stored; the next start notes it");
        }
    }

    /// Reads the rows of the file and hands them on in steps.
    fn read(
        &self,
        mut prepared: Prepared,
        clock: &Clock,
        to: &mpsc::Sender<Vec<Item>>,
    ) -> std::io::Result<()> {
        let Prepared {
            spool,
            options,
            survey,
            repeats,
            ..
        } = &mut prepared;
        let mut rows = Rows::of(spool.read(), survey)?;
        let mut step = Vec::with_capacity(STEP_ROWS);
        while let Some(entry) = rows.next(survey, &options.defaults)? {
            let line = entry.line;
            let mut item = Item {
                line,
                row: Err(Remark::row("")),
                repeat: Repeat::First,
                notes: Vec::new(),
            };
            item.row = entry.row.and_then(|mut row| {
                self.show(&row);
                item.notes = std::mem::take(&mut row.notes);
                item.repeat = repeats.check(line, &row)?;
                imported_row(row, clock.now()).map_err(remark)
            });
            step.push(item);
            if step.len() == STEP_ROWS && to.blocking_send(std::mem::take(&mut step)).is_err() {
                // The import was stopped, so the remaining rows are not stored.
                return Ok(());
            }
        }
        if !step.is_empty() {
            let _ = to.blocking_send(step);
        }
        Ok(())
    }

    /// Shows the first rows as they were understood.
    fn show(&self, row: &Row) {
        let mut report = self.locked();
        if report.preview.len() < PREVIEW_ROWS {
            report.preview.push(Value::Object(row.fields.clone()));
        }
    }

    /// Stores the rows of one step, and how far the import got, in one transaction.
    async fn step(&self, step: Vec<Item>, reconciler: &Reconciler) -> Result<(), Error> {
        let dry_run = self.seq.is_none();
        let mut counts = self.locked().counts();
        let mut remarks: Vec<(usize, Remark)> = Vec::new();
        let (mut rows, mut lines) = (Vec::new(), Vec::new());
        for item in step {
            counts.duplicates += u64::from(item.repeat != Repeat::First);
            remarks.extend(item.notes.into_iter().map(|note| (item.line, note)));
            let row = match item.row {
                Ok(row) => row,
                Err(remark) => {
                    counts.rows += 1;
                    counts.failed += 1;
                    remarks.push((item.line, remark));
                    continue;
                }
            };
            // A dry run stores nothing, so it does not find the earlier row of the file in the database.
            if dry_run && item.repeat != Repeat::First {
                counts.rows += 1;
                match item.repeat {
                    Repeat::Different => counts.updated += 1,
                    Repeat::First | Repeat::Same => counts.unchanged += 1,
                }
                continue;
            }
            rows.push(row);
            lines.push(item.line);
        }
        let outcomes = self.store(Arc::new(rows), counts, reconciler).await?;
        for (outcome, line) in outcomes.iter().zip(lines) {
            add(&mut counts, outcome);
            if let Err(bad) = outcome {
                remarks.push((line, remark(bad.clone())));
            }
        }
        remarks.sort_by_key(|(line, _)| *line);
        let mut report = self.locked();
        report.set_counts(counts);
        for (line, remark) in &remarks {
            report.complain(*line, remark);
        }
        Ok(())
    }

    /// Stores some rows in one transaction. If one of them can't be stored, each gets a transaction of its own, so that it fails
    /// alone.
    async fn store(
        &self,
        rows: Arc<Vec<FileRow>>,
        counts: ImportCounts,
        reconciler: &Reconciler,
    ) -> Result<Vec<Outcome>, Error> {
        let why = match self
            .store_part(&rows, 0..rows.len(), counts, reconciler)
            .await
        {
            Err(Error::Internal(why)) => why,
            done => return done,
        };
        tracing::error!(
            import = self.id,
            why,
            "rows of an import can't be stored, storing each by itself"
        );
        let mut outcomes = Vec::new();
        for place in 0..rows.len() {
            let part = place..place + 1;
            match self.store_part(&rows, part, counts, reconciler).await {
                Err(Error::Internal(_)) => outcomes.push(Err(BadInput::body(
                    "This row can't be stored; the log says why.",
                ))),
                done => outcomes.extend(done?),
            }
        }
        Ok(outcomes)
    }

    /// Stores some rows in one transaction.
    async fn store_part(
        &self,
        rows: &Arc<Vec<FileRow>>,
        range: std::ops::Range<usize>,
        before: ImportCounts,
        reconciler: &Reconciler,
    ) -> Result<Vec<Outcome>, Error> {
        let rows = rows.clone();
        let Some(seq) = self.seq else {
            return dry(rows, range, reconciler).await;
        };
        reconciler
            .run(move |routine| {
                let mut after = before;
                let outcomes = store(routine, &rows[range.clone()], Some(seq))?;
                outcomes.iter().for_each(|outcome| add(&mut after, outcome));
                routine.import_got_to(seq, &after)?;
                Ok(outcomes)
            })
            .await
    }
}

fn store(
    routine: &mut Routine<'_>,
    rows: &[FileRow],
    import: Option<i64>,
) -> Result<Vec<Outcome>, Error> {
    rows.iter()
        .map(|row| routine.import_row(row, import))
        .collect()
}

/// Finds out what storing some rows would do, by doing it in a transaction that is undone.
async fn dry(
    rows: Arc<Vec<FileRow>>,
    range: std::ops::Range<usize>,
    reconciler: &Reconciler,
) -> Result<Vec<Outcome>, Error> {
    let found: Arc<Mutex<Vec<Outcome>>> = Arc::default();
    let to = found.clone();
    let undone = reconciler
        .run(move |routine| -> Result<(), Error> {
            let outcomes = store(routine, &rows[range.clone()], None)?;
            *to.lock().unwrap_or_else(PoisonError::into_inner) = outcomes;
            Err(Error::conflict("dry-run", "A dry run stores nothing."))
        })
        .await;
    match undone {
        Err(Error::Conflict {
            kind: "dry-run", ..
        })
        | Ok(()) => {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(std::mem::take(&mut found))
        }
        Err(error) => Err(error),
    }
}

/// Counts what became of a row.
fn add(counts: &mut ImportCounts, outcome: &Outcome) {
    counts.rows += 1;
    let Ok(enrolled) = outcome else {
        counts.failed += 1;
        return;
    };
    counts.no_usable_identity += u64::from(enrolled.no_usable_identity);
    match enrolled.outcome {
        EnrollOutcome::Created => counts.created += 1,
        EnrollOutcome::Updated => counts.updated += 1,
        EnrollOutcome::Unchanged => counts.unchanged += 1,
    }
}

/// What is wrong with a row by the rules of the API.
fn remark(bad: BadInput) -> Remark {
    let field = bad
        .field
        .as_deref()
        .and_then(|field| field.parse::<Field>().ok());
    Remark {
        field,
        detail: bad.detail,
    }
}

impl ImportReport {
    fn complain(&mut self, line: usize, remark: &Remark) {
        if self.errors.len() == ERRORS_MAX {
            return;
        }
        let field = remark.field.map(Field::as_str);
        let column = field.map(|field| {
            let filled = self
                .columns
                .iter()
                .find(|c| c.field.as_deref() == Some(field));
            filled
                .map_or(field, |column| column.header.as_str())
                .to_owned()
        });
        self.errors.push(ImportError {
            line: line as u64,
            column,
            detail: remark.detail.clone(),
        });
    }

    fn set_counts(&mut self, counts: ImportCounts) {
        self.rows = counts.rows;
        self.created = counts.created;
        self.updated = counts.updated;
        self.unchanged = counts.unchanged;
        self.failed = counts.failed;
        self.no_usable_identity = counts.no_usable_identity;
        self.duplicates = counts.duplicates;
    }

    fn counts(&self) -> ImportCounts {
        ImportCounts {
            rows: self.rows,
            created: self.created,
            updated: self.updated,
            unchanged: self.unchanged,
            failed: self.failed,
            no_usable_identity: self.no_usable_identity,
            duplicates: self.duplicates,
        }
    }
}
