//! `acceptd serve`: run the daemon.

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{WRONG_CONFIGURATION, output};
use crate::clock::Clock;
use crate::config::{self, Loaded};
use crate::daemon::Daemon;
use crate::daemon::listen::Unguarded;
use crate::daemon::signals::Signals;
use crate::daemon::stop::Stop;
use crate::daemon::telemetry::{self, LogFormat};
use crate::http;

/// How long a start that is stopped may take to roll back a migration.
const START_STOP_MAX: Duration = Duration::from_secs(10);
/// How long the threads of the runtime may take to end after the daemon has stopped.
const THREADS_MAX: Duration = Duration::from_secs(1);

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where log lines go and how they look; $ACCEPTD_LOG says which
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log: LogFormat,
    /// Read the name servers from this file instead of /etc/resolv.conf; a port is written `nameserver [127.0.0.1]:5353`
    #[arg(long, value_name = "PATH")]
    resolv_conf: Option<PathBuf>,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// If the runtime can't be made. Everything else is logged.
pub fn run(path: PathBuf, args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        // Before anything else, so that no signal that comes early is lost or ends the process.
        let no_handlers = "the signal handlers can't be installed";
        let signals = Signals::install().context(no_handlers)?;
        let stop = Stop::install().context(no_handlers)?;
        Stop::install().context(no_handlers)?.bound();
        if let Err(error) = telemetry::init(args.log) {
            // There is no log yet.
            output::error_line(format_args!("error: {error:#}"));
            return Ok(ExitCode::from(WRONG_CONFIGURATION));
        }
        if let Some(file) = &args.resolv_conf {
            http::use_resolv_conf(file.clone());
        }
        serve(path, signals, stop).await
    });
    match ended {
        Ok(status) => {
            // A blocked thread must not delay the exit.
            runtime.shutdown_timeout(THREADS_MAX);
            Ok(status)
        }
        Err(error) => {
            tracing::error!("{error:#}");
            // Exit at once: after a failed fsync nothing may touch the database again, not even to close it.
            std::process::exit(if error.is::<Unguarded>() {
                WRONG_CONFIGURATION.into()
            } else {
                1
            });
        }
    }
}

async fn serve(path: PathBuf, signals: Signals, mut stop: Stop) -> anyhow::Result<ExitCode> {
    let shutdown = CancellationToken::new();
    let mut starting = pin!(start(path, shutdown.clone()));
    let started = tokio::select! {
        started = starting.as_mut() => started?,
        () = stop.asked() => {
            tracing::info!("stopping before the daemon is ready");
            shutdown.cancel();
            match timeout(START_STOP_MAX, starting).await {
                Ok(Ok(_)) => tracing::info!("stopped"),
                Ok(Err(error)) => tracing::info!("stopped: {error:#}"),
                Err(_) => tracing::warn!("stopped; the start did not end in time and is cut off"),
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    match started {
        Some(daemon) => daemon.run(signals).await.map(|()| ExitCode::SUCCESS),
        None => Ok(ExitCode::from(WRONG_CONFIGURATION)),
    }
}

/// Builds the daemon. Returns `None` if the configuration is wrong, which is logged.
async fn start(path: PathBuf, shutdown: CancellationToken) -> anyhow::Result<Option<Daemon>> {
    // Reading may block, for example on a network file system. A stop does not wait for it.
    let read = tokio::task::spawn_blocking(move || config::load(&path)).await?;
    let loaded: Loaded = match read {
        Ok(loaded) => loaded,
        Err(errors) => {
            tracing::error!("{errors}");
            return Ok(None);
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Daemon::build(loaded, Clock::system(), shutdown)
        .await
        .map(Some)
}
