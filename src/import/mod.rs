//! Imports: a file of people becomes enrollments. See `docs/rules/import.md`.
//!
//! The parts that only read do no I/O of their own: [`text`] decodes bytes, [`records`] splits text into rows, [`header`] finds the
//! header and the separator, [`columns`] knows what columns mean, [`dates`] reads dates, [`row`] makes an enrollment of the
//! cells of a row, and [`file`] puts them together. [`prepare`] makes the first passes over a file and [`job`] the last one, which
//! stores its rows.

pub mod columns;
pub mod dates;
pub mod file;
mod header;
pub mod input;
pub mod job;
mod names;
pub mod prepare;
mod records;
mod repeats;
pub mod row;
mod spool;
pub mod text;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use job::Job;

/// The largest file that is imported, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// How many imports run at once.
const RUNNING_MAX: usize = 8;
/// How many imports are remembered with the rows that they show.
const REMEMBERED_MAX: usize = 100;

/// The imports of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Jobs(Arc<Mutex<VecDeque<Arc<Job>>>>);

impl Jobs {
    fn locked(&self) -> MutexGuard<'_, VecDeque<Arc<Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an import, and forgets the oldest ones that have ended.
    pub fn add(&self, job: Arc<Job>) {
        let mut jobs = self.locked();
        jobs.push_front(job);
        while jobs.len() > REMEMBERED_MAX {
            match jobs.iter().rposition(|job| !job.is_running()) {
                Some(ended) => jobs.remove(ended),
                None => return,
            };
        }
    }

    /// The import with this id, if this process knows it.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Job>> {
        self.locked().iter().find(|job| job.id == id).cloned()
    }

    /// Whether no further import can be started now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.locked().iter().filter(|job| job.is_running()).count() >= RUNNING_MAX
    }
}
