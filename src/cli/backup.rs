//! `acceptd backup FILE`: a consistent copy of the database while the daemon runs.

use std::path::PathBuf;

use super::{Ended, output};
use crate::config::Config;
use crate::store::{backup, is_beside_strangers};

/// The arguments of `backup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The new file; an existing one is never overwritten
    file: PathBuf,
}

/// Copies the configured database. Needs no daemon.
pub(super) fn run(config: &Config, args: &Args) -> anyhow::Result<Ended> {
    if is_beside_strangers(&args.file) {
        output::error_line(format_args!(
            "warning: every user of this machine can write to the directory of {}; keep backups in one of your own",
            args.file.display()
        ));
    }
    backup(&config.database.path, &args.file)?;
    let bytes = std::fs::metadata(&args.file)?.len();
    output::line(format_args!(
        "{}: {bytes} bytes, checked",
        args.file.display()
    ))?;
    Ok(Ended::Done)
}
