//! What a command has to say, on standard output and standard error. A reader that has seen enough (`| head`) is no error and no
//! panic.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints a line.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a line on standard error. Where nobody reads that, there is nobody left to tell.
pub(super) fn problem(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a JSON value for programs.
pub(super) fn json(value: &impl serde::Serialize) -> io::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Whether a command only broke off because nobody reads on.
pub(super) fn nobody_reads(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
