//! `acceptd serve`: run the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::{WRONG_CONFIGURATION, say};
use crate::clock::Clock;
use crate::config;
use crate::daemon::Daemon;
use crate::daemon::listen::Unguarded;
use crate::daemon::signals::Signals;
use crate::daemon::telemetry::{self, LogFormat};

/// How to run it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where log lines go and how they look; $ACCEPTD_LOG says which
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log: LogFormat,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When it can't start; what goes wrong later is logged.
pub fn run(path: PathBuf, args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        // Before anything else, so that no signal that comes early is lost or ends the process.
        let signals = Signals::install().context("the signal handlers can't be installed")?;
        if let Err(error) = telemetry::init(args.log) {
            // There is no log to tell it to.
            say::problem(format_args!("error: {error:#}"));
            return Ok(ExitCode::from(WRONG_CONFIGURATION));
        }
        serve(path, signals).await
    });
    match ended {
        Ok(status) => Ok(status),
        Err(error) => {
            tracing::error!("{error:#}");
            // At once: after a failed fsync nothing may touch the database again, not even to close it.
            std::process::exit(if error.is::<Unguarded>() {
                WRONG_CONFIGURATION.into()
            } else {
                1
            });
        }
    }
}

async fn serve(path: PathBuf, signals: Signals) -> anyhow::Result<ExitCode> {
    let loaded = match config::load(&path) {
        Ok(loaded) => loaded,
        Err(errors) => {
            tracing::error!("{errors}");
            return Ok(ExitCode::from(WRONG_CONFIGURATION));
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let daemon = Daemon::build(loaded, Clock::system()).await?;
    daemon.run(signals).await?;
    Ok(ExitCode::SUCCESS)
}
