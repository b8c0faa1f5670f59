//! `acceptd check`: validate the configuration and print it with secrets redacted.

use super::{Ended, Failure, output};
use crate::config::Loaded;

pub(super) fn run(loaded: &Loaded) -> Result<Ended, Failure> {
    for warning in &loaded.warnings {
        output::error_line(format_args!("warning: {warning}"));
    }
    let shown = loaded.config.print_redacted();
    let path = loaded.path.display();
    output::line(format_args!(
        "# {path} is valid; in force:\n{}",
        shown.trim_end()
    ))?;
    Ok(Ended::Done)
}
