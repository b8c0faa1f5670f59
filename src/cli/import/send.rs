//! Rows to the daemon, in batches, with a progress bar; what became of each.

use anyhow::ensure;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::Entry;
use super::columns::RowError;
use crate::api::enrollments::{RowOutcome, UpsertResult, UpsertRow};
use crate::cli::client::Api;
use crate::cli::say;
use crate::cli::table::printable;

/// The most rows in one request.
const BATCH_ROWS_MAX: usize = 500;

/// Room for the brackets and commas of a batch, in bytes.
const BATCH_BYTES_SPARE: usize = 16;

/// What became of the rows.
#[derive(Debug, Default)]
pub struct Summary {
    created: u64,
    updated: u64,
    unchanged: u64,
    no_usable_identity: u64,
    errors: Vec<Value>,
    /// Why sending broke off, where it did, and how many rows were not answered for.
    broken_off: Option<(String, usize)>,
}

impl Summary {
    /// Whether every row was stored.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty() && self.broken_off.is_none()
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let (error, not_sent) = self.broken_off.clone().unzip();
        json!({
            "created": self.created, "updated": self.updated, "unchanged": self.unchanged,
            "failed": self.errors.len(), "noUsableIdentity": self.no_usable_identity,
            "notSent": not_sent.unwrap_or(0), "error": error, "errors": self.errors,
        })
    }

    /// For people.
    pub fn sentence(&self) -> String {
        let mut said = format!(
            "{} created, {} updated, {} unchanged, {} failed.",
            self.created,
            self.updated,
            self.unchanged,
            self.errors.len()
        );
        if self.no_usable_identity > 0 {
            said.push_str(&format!(
                " {} have no usable identity: nothing will ever match them.",
                self.no_usable_identity
            ));
        }
        if let Some((_, rows)) = &self.broken_off {
            said.push_str(&format!(" {rows} were not sent: importing again is safe."));
        }
        said
    }
}

/// Sends every row that can be sent.
pub async fn all(entries: Vec<Entry>, file: &str, api: &Api) -> Summary {
    // Hides itself where standard error is not a terminal.
    let bar = ProgressBar::new(entries.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    let mut run = Run {
        file,
        api,
        bar,
        summary: Summary::default(),
    };
    let bytes_max = api.body_bytes_max.saturating_sub(BATCH_BYTES_SPARE);
    let mut batch: Vec<(usize, Value)> = Vec::new();
    let mut bytes = 0;
    let mut rest = entries.len();
    for entry in entries {
        rest -= 1;
        let row = match entry.row.and_then(|row| sized(row, bytes_max)) {
            Ok(row) => row,
            Err(error) => {
                run.failed(entry.line, None, error.field, &error.detail);
                run.bar.inc(1);
                continue;
            }
        };
        let (value, size) = row;
        if batch.len() == BATCH_ROWS_MAX || bytes + size > bytes_max {
            if !run.flush(&mut batch, rest + 1).await {
                return run.ended();
            }
            bytes = 0;
        }
        bytes += size;
        batch.push((entry.line, value));
    }
    if !batch.is_empty() {
        run.flush(&mut batch, 0).await;
    }
    run.ended()
}

/// A row and its size in a batch.
fn sized(row: Map<String, Value>, bytes_max: usize) -> Result<(Value, usize), RowError> {
    let value = Value::Object(row);
    let size = value.to_string().len() + 1;
    if size > bytes_max {
        let detail = "is larger than server.max_body allows";
        return Err(RowError::new(None, detail));
    }
    Ok((value, size))
}

struct Run<'r> {
    file: &'r str,
    api: &'r Api,
    bar: ProgressBar,
    summary: Summary,
}

impl Run<'_> {
    fn failed(&mut self, line: usize, id: Option<&Value>, field: Option<String>, detail: &str) {
        // Most details already begin with the name of the field.
        let named = |f: &str| {
            detail
                .strip_prefix(f)
                .is_some_and(|rest| rest.starts_with([':', ' ']))
        };
        let what = match &field {
            Some(f) if !named(f) => format!("{f}: "),
            _ => String::new(),
        };
        self.bar.suspend(|| {
            say::problem(format_args!(
                "{}:{line}: {}",
                self.file,
                printable(&format!("{what}{detail}"))
            ));
        });
        self.summary
            .errors
            .push(json!({"line": line, "id": id, "field": field, "detail": detail}));
    }

    /// Sends what is collected; false when there is no point in going on.
    async fn flush(&mut self, batch: &mut Vec<(usize, Value)>, rest: usize) -> bool {
        let (lines, rows): (Vec<usize>, Vec<Value>) = std::mem::take(batch).into_iter().unzip();
        let answer = self
            .api
            .post::<UpsertResult>(&["v1", "enrollments"], &rows)
            .await;
        let results = answer.and_then(|answer| {
            ensure!(
                answer.results.len() == lines.len(),
                "the daemon did not answer for every row: it may be another version"
            );
            Ok(answer.results)
        });
        let results = match results {
            Ok(results) => results,
            Err(error) => {
                let (first, rows) = (lines.first().copied().unwrap_or(0), lines.len() + rest);
                self.bar
                    .suspend(|| say::problem(format_args!("{}:{first}: {error:#}", self.file)));
                self.summary.broken_off = Some((format!("{error:#}"), rows));
                return false;
            }
        };
        self.bar.inc(lines.len() as u64);
        for (line, result) in lines.into_iter().zip(results) {
            self.count(line, result);
        }
        true
    }

    fn count(&mut self, line: usize, result: UpsertRow) {
        let summary = &mut self.summary;
        if result.no_usable_identity {
            summary.no_usable_identity += 1;
        }
        match result.outcome {
            RowOutcome::Created => summary.created += 1,
            RowOutcome::Updated => summary.updated += 1,
            RowOutcome::Unchanged => summary.unchanged += 1,
            RowOutcome::Failed => {
                let (field, detail) = result
                    .error
                    .map(|error| (error.field, error.detail))
                    .unwrap_or_default();
                self.failed(line, Some(&result.id.into()), field, &detail);
            }
        }
    }

    fn ended(self) -> Summary {
        self.bar.finish_and_clear();
        self.summary
    }
}
