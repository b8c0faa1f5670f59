//! The one error of the domain: the store and the routine return it, and `web` decides what it becomes.

/// Why an operation failed. Nothing of a failed write is on disk. The exception is a failed fsync, after which the writer stops for
/// good.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The database can't commit right now: the disk is full, an I/O error, or another process holds it. Answered with 503, so that
    /// the sender tries again.
    #[error("the database can't be used right now: {0}")]
    Unavailable(String),
    /// Too many queries wait, or one took too long. Answered with 503. The text says what the client can do.
    #[error("{0}")]
    Busy(String),
    /// The requested resource does not exist. The text names it.
    #[error("{0}")]
    NotFound(String),
    /// The current state does not allow the operation. Answered with 409.
    #[error("{detail}")]
    Conflict {
        /// A short name for programs, such as `no-usable-prospects`.
        kind: &'static str,
        /// One sentence for a person.
        detail: String,
    },
    /// A value is invalid. The text names the field and the reason.
    #[error("{0}")]
    BadInput(#[from] super::bad_input::BadInput),
    /// A defect: a constraint was violated or a row can't be read. Not the caller's fault.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// Whether the same operation may succeed later without a change.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }

    /// Returns the error for a resource that does not exist.
    pub fn not_found(what: &str, id: &str) -> Self {
        let id: String = id.chars().take(300).collect();
        Self::NotFound(format!("There is no {what} {id:?}."))
    }

    /// Returns the error for an operation that the current state does not allow.
    pub fn conflict(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            kind,
            detail: detail.into(),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!("a stored body can't be read or written: {error}"))
    }
}
