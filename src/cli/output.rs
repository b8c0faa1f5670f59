//! Prints to standard output and standard error. A reader that closes the pipe early (`| head`) causes neither an error message nor
//! a panic.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints a line.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a line on standard error. A failure is ignored, because there is no other place for it.
pub(super) fn error_line(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a JSON value for programs.
pub(super) fn json(value: &impl serde::Serialize) -> io::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Whether a command was aborted because its reader closed the pipe.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
