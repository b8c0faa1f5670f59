//! `acceptd check`: validate the configuration and print it with secrets redacted.

use super::{Ended, Failure};
use crate::config::Loaded;

pub(super) fn run(loaded: &Loaded) -> Result<Ended, Failure> {
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    println!("# {} is valid; in force:", loaded.path.display());
    print!("{}", loaded.config.print_redacted());
    Ok(Ended::Done)
}
