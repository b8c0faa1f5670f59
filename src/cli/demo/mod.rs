//! `acceptd demo`: a full run on loopback, with no account, key or network.
//!
//! The daemon is the real one: it is built and run as `serve` does it, and everything reaches it through its listeners. Only
//! the provider and the receiver are simulated.

mod cast;
mod narrator;
mod scenes;
mod verdict;
mod world;

use std::net::SocketAddr;

use anyhow::{Context as _, anyhow};
use rustix::process::{Signal, getpid, kill_process};
use tokio::task::JoinHandle;

use super::{Ended, Failure, output};
use crate::daemon::signals::Signals;
use crate::daemon::telemetry::{self, FILTER_VARIABLE, LogFormat};
use crate::web::login_link;
use narrator::Narrator;
use verdict::Verdict;
use world::World;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after the table; exit status 1 if anything is not as it should be
    #[arg(long)]
    once: bool,
    /// Where the daemon listens: a loopback address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Runs the scenes, prints the table, and with `--once` ends; without it the daemon stays up until SIGINT or SIGTERM.
pub(super) fn run(args: &Args) -> Result<Ended, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::Usage(format!(
            "--listen {}: the demo is for this machine alone, so it listens on loopback only, such as 127.0.0.1:8085",
            args.listen
        )));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let signals = Signals::install().context("the signal handlers can't be installed")?;
        // The progress display is for people; the log is there for those who ask for it.
        if std::env::var_os(FILTER_VARIABLE).is_some() {
            telemetry::init(LogFormat::Text)?;
        }
        perform(args, signals).await
    })
}

async fn perform(args: &Args, signals: Signals) -> Result<Ended, Failure> {
    let (world, daemon) = World::build(args.listen).await?;
    let mut running = tokio::spawn(daemon.run(signals));
    let narrator = Narrator::new(cast::CAST.len());
    narrator.say(&format!("The dashboard is at {}", world.login_link()));
    narrator.say(&format!(
        "The link logs in once, within {} minutes. Later, log in with the token in {}",
        login_link::LIFETIME.as_secs() / 60,
        world.config_file().display()
    ));
    let played = async {
        let signs = scenes::play(&world, &narrator).await?;
        verdict::wait_until_told(&world).await?;
        verdict::collect(&world, &signs).await
    };
    let result = tokio::select! {
        result = played => result?,
        ended = &mut running => {
            ended??;
            return Err(anyhow!("stopped before the end").into());
        }
    };
    narrator.finish();
    // Nobody may be reading on; the exit status still tells how it went.
    let _ = tell(&result);
    if args.once {
        // The same way that systemd stops it.
        kill_process(getpid(), Signal::TERM).context("the daemon can't be stopped")?;
    } else {
        let _ = output::line(format_args!(
            "The daemon stays up: look around at {} and press Ctrl-C to end.",
            world.login_link()
        ));
    }
    stopped(running).await?;
    Ok(if result.problems.is_empty() {
        Ended::Done
    } else {
        Ended::Failed
    })
}

fn tell(result: &Verdict) -> std::io::Result<()> {
    output::line(result.table())?;
    output::line(result.summary())?;
    for problem in &result.problems {
        output::line(format_args!("NOT AS IT SHOULD BE: {problem}"))?;
    }
    Ok(())
}

async fn stopped(running: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    running.await?
}
