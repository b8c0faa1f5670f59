//! What can go wrong with the store, sorted by what the caller has to do about it.

use rusqlite::ErrorCode;

/// Why a read or a write did not happen. Nothing of a failed write is on disk, with one exception that the writer treats as
/// final for the process: a failed fsync.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The database can't commit right now: disk full, an I/O error, another process holds it. Answer 503; the sender repeats.
    #[error("the database can't be used right now: {0}")]
    Unavailable(String),
    /// Too much is asked at once, or for too long. Answer 503; the text says what the client can do.
    #[error("{0}")]
    Busy(String),
    /// What was asked for is not there. The text says what.
    #[error("{0}")]
    NotFound(String),
    /// The state does not allow it (409). `kind` is the problem type, `detail` a sentence.
    #[error("{detail}")]
    Conflict {
        /// A short name for programs, such as `no-usable-prospects`.
        kind: &'static str,
        /// One sentence for a person.
        detail: String,
    },
    /// A value can't be used: which field, and why.
    #[error("{0}")]
    BadInput(#[from] crate::domain::bad_input::BadInput),
    /// A constraint refused it or a row can't be read: a defect, not the caller's fault.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// Something that is not there.
    pub fn not_found(what: &str, id: &str) -> Self {
        let id: String = id.chars().take(300).collect();
        Self::NotFound(format!("There is no {what} {id:?}."))
    }

    /// Something the state does not allow.
    pub fn conflict(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            kind,
            detail: detail.into(),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::OperationInterrupted,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!("a stored body can't be read or written: {error}"))
    }
}

/// Whether the error means that what was written may or may not be on disk, so that this process may acknowledge nothing more.
pub(super) fn is_failed_fsync(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error().map(|e| e.extended_code),
        Some(
            rusqlite::ffi::SQLITE_IOERR_FSYNC
                | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC
                | rusqlite::ffi::SQLITE_IOERR_CLOSE
        )
    )
}
