//! The commands, one file each. The exit status is 0 if the command succeeded, 1 if it failed, and 2 for wrong usage or
//! configuration (see docs/commands.md).

mod audit;
mod backup;
mod check;
mod client;
mod deliveries;
mod demo;
mod explain;
mod generate;
mod harden;
mod import;
mod output;
pub mod register;
mod resync;
mod serve;
mod stamp;
mod status;
mod table;
mod test_destination;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{self, Loaded};
use client::Api;

/// Has this LinkedIn invitation been accepted, and since when?
#[derive(Debug, Parser)]
#[command(name = "acceptd", version, about, max_term_width = 100)]
pub struct Cli {
    /// The configuration file
    #[arg(long, global = true, value_name = "PATH", env = "ACCEPTD_CONFIG", default_value = config::DEFAULT_PATH, value_parser = path_parser())]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Serve(serve::Args),
    /// Show everything on loopback, without an account, a key or a network
    Demo(demo::Args),
    /// Validate the configuration and print it with secrets redacted
    Check,
    /// Enroll prospects from CSV or NDJSON
    Import(import::Args),
    /// Show accounts, campaigns, backlog and destinations
    Status(status::Args),
    /// Show the signals of an enrollment, what each led to and why, and its deliveries
    Explain(explain::Args),
    /// Ask the running daemon to poll again: one prospect, one account or every account
    Resync(resync::Args),
    /// Stamp an accept by hand, source `manual`
    Stamp(stamp::Args),
    /// List deliveries, newest first
    Deliveries(deliveries::ListArgs),
    /// Send deliveries again
    Replay(deliveries::ReplayArgs),
    /// Send a `webhook.test` event to a destination
    Test(test_destination::Args),
    /// List who changed what, newest first
    Audit(audit::Args),
    /// Create or update the provider's webhooks for server.public_url
    Register(register::Args),
    /// Copy the database while the daemon runs
    Backup(backup::Args),
    /// Write the man page or shell completions
    #[command(hide = true)]
    Generate(generate::Args),
}

/// The exit status of wrong usage or configuration.
const WRONG_CONFIGURATION: u8 = 2;

/// Treats an empty path, which an empty environment variable gives, like a missing one.
fn path_parser() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(|text| {
        if text.is_empty() {
            PathBuf::from(config::DEFAULT_PATH)
        } else {
            PathBuf::from(text)
        }
    })
}

/// The result of a command that ran to its end.
#[derive(Debug, Clone, Copy)]
enum Ended {
    /// Everything was done.
    Done,
    /// Something failed, and an error was printed.
    Failed,
    /// A status of its own; the reason was printed.
    With(ExitCode),
}

/// Why a command was aborted.
#[derive(Debug)]
enum Failure {
    /// Wrong usage or configuration: exit status 2.
    Usage(String),
    /// Anything else: exit status 1.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads the arguments, runs the command and returns its exit status.
#[must_use]
pub fn run() -> ExitCode {
    harden::no_core_dumps();
    let cli = Cli::parse();
    match cli.command.run(cli.config) {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Failed) => ExitCode::from(1),
        Ok(Ended::With(status)) => status,
        Err(Failure::Usage(message)) => {
            output::error_line(message);
            ExitCode::from(WRONG_CONFIGURATION)
        }
        Err(Failure::Failed(error)) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            output::error_line(format_args!("error: {error:#}"));
            ExitCode::from(1)
        }
    }
}

/// Returns the configuration, or everything that is wrong with it.
fn load(path: PathBuf) -> Result<Loaded, Failure> {
    config::load(&path).map_err(|errors| Failure::Usage(errors.to_string()))
}

impl Command {
    fn run(self, path: PathBuf) -> Result<Ended, Failure> {
        match self {
            Self::Serve(args) => Ok(Ended::With(serve::run(path, &args)?)),
            Self::Demo(args) => demo::run(&args),
            Self::Check => check::run(&load(path)?),
            Self::Backup(args) => Ok(backup::run(&load(path)?.config, &args)?),
            Self::Register(args) => Ok(Ended::With(registered(&load(path)?.config, &args)?)),
            Self::Generate(args) => generate::run(&args),
            client => client.ask(&Api::of(&load(path)?.config)?),
        }
    }

    /// Runs a command that calls the running daemon.
    fn ask(self, api: &Api) -> Result<Ended, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            match self {
                Self::Import(args) => import::run(args, api).await,
                Self::Status(args) => status::run(args, api).await,
                Self::Explain(args) => explain::run(args, api).await,
                Self::Resync(args) => resync::run(args, api).await,
                Self::Stamp(args) => stamp::run(args, api).await,
                Self::Deliveries(args) => deliveries::list(args, api).await,
                Self::Replay(args) => deliveries::replay(args, api).await,
                Self::Test(args) => test_destination::run(args, api).await,
                Self::Audit(args) => audit::run(args, api).await,
                Self::Serve(_)
                | Self::Demo(_)
                | Self::Check
                | Self::Backup(_)
                | Self::Register(_)
                | Self::Generate(_) => Ok(Ended::Done),
            }
        })
    }
}

/// `acceptd register` speaks to the provider, not to the daemon.
fn registered(config: &config::Config, args: &register::Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(register::run(
        config,
        Clock::system(),
        args,
        &mut std::io::stdout(),
        &mut std::io::stderr(),
    ))
}
