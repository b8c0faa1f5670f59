//! `acceptd register`: create or update the provider's webhooks for this installation. Safe to repeat.

use std::io::Write;
use std::process::ExitCode;

use super::WRONG_CONFIGURATION;
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::clients;
use crate::provider::register::{HOOK_PATH, RegisterError, RegisterStep};

/// The options of `register`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Replace webhooks whose secret the provider makes (API v2), so that they get new secrets
    #[arg(long)]
    pub rotate: bool,
}

/// Registers with every API that is configured, and prints each step. Missing settings are reported together on `problems`.
///
/// # Errors
/// If a provider refuses or can't be reached. The printed steps are done, and running it again does the rest.
pub async fn run(
    config: &Config,
    clock: Clock,
    args: &Args,
    out: &mut (impl Write + Send),
    problems: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let missing = missing(config);
    for problem in &missing {
        writeln!(problems, "{problem}")?;
    }
    let (Some(public_url), true) = (&config.server.public_url, missing.is_empty()) else {
        return Ok(ExitCode::from(WRONG_CONFIGURATION));
    };
    for client in clients(config, &clock)?.iter() {
        let mut lost = Ok(());
        let mut done = |RegisterStep { done, name, id }: RegisterStep| {
            let written = writeln!(out, "{done:<8} {name:<23} {id}");
            lost = std::mem::replace(&mut lost, Ok(())).and(written);
        };
        let registered = client
            .api
            .register(public_url, args.rotate, &mut done)
            .await;
        lost?;
        match registered {
            Ok(()) => {}
            Err(RegisterError::Settings(problem)) => {
                writeln!(problems, "{problem}")?;
                return Ok(ExitCode::from(WRONG_CONFIGURATION));
            }
            Err(error) => {
                return Err(anyhow::Error::new(error).context(
                    "the provider's webhooks are not all as they should be; run it again to do the rest",
                ));
            }
        }
    }
    let address = format!("{}{HOOK_PATH}", public_url.as_str().trim_end_matches('/'));
    writeln!(out, "The provider sends to {address}")?;
    Ok(ExitCode::SUCCESS)
}

/// Returns a line for each setting that registering needs and that is missing.
fn missing(config: &Config) -> Vec<String> {
    let (v1, v2) = (&config.unipile, &config.unipile_v2);
    let mut missing = Vec::new();
    let mut need = |is_set: bool, key: &str, why: &str| {
        if !is_set {
            missing.push(format!("{key} is not set: {why}"));
        }
    };
    need(
        config.server.public_url.is_some(),
        "server.public_url",
        "what the provider can reach, https://…",
    );
    if v2.base_url.is_some() {
        need(
            v2.secret_file.is_some(),
            "unipile_v2.secret_file",
            "the signing secrets that the provider makes need a place",
        );
    }
    if v1.base_url.is_some() || v2.base_url.is_none() {
        need(
            v1.base_url.is_some(),
            "unipile.base_url",
            "where the provider's API is",
        );
        need(v1.api_key.is_set(), "unipile.api_key", "the key for it");
        need(
            v1.webhook_secret.is_set(),
            "unipile.webhook_secret",
            "what the provider's webhooks prove themselves with",
        );
    }
    missing
}
