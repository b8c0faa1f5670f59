//! `acceptd register`: create or update the provider's three webhooks for this installation. Safe to repeat.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;
use reqwest::header::HeaderName;
use secrecy::SecretString;

use super::WRONG_CONFIGURATION;
use crate::clock::Clock;
use crate::config::{Config, Secret};
use crate::provider::unipile::v1::UnipileV1;
use crate::provider::unipile::v1::register::{Action, Wanted, register};

/// Registers, and prints every step as it is done. What the configuration lacks is said at once, on `problems`.
///
/// # Errors
/// When the provider refuses or can't be reached: what was printed is done, and running it again does the rest.
pub async fn run(
    config: &Config,
    clock: Clock,
    out: &mut impl Write,
    problems: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let unipile = &config.unipile;
    let (Some(public_url), Some(base_url), true, true) = (
        &config.server.public_url,
        &unipile.base_url,
        unipile.api_key.is_set(),
        unipile.webhook_secret.is_set(),
    ) else {
        for (missing, key, why) in [
            (
                config.server.public_url.is_none(),
                "server.public_url",
                "what the provider can reach, https://…",
            ),
            (
                unipile.base_url.is_none(),
                "unipile.base_url",
                "where the provider's API is",
            ),
            (
                !unipile.api_key.is_set(),
                "unipile.api_key",
                "the key for it",
            ),
            (
                !unipile.webhook_secret.is_set(),
                "unipile.webhook_secret",
                "what the provider's webhooks prove themselves with",
            ),
        ] {
            if missing {
                writeln!(problems, "{key} is not set: {why}")?;
            }
        }
        return Ok(ExitCode::from(WRONG_CONFIGURATION));
    };
    let header = as_written(&unipile.webhook_header);
    let wanted = match Wanted::new(public_url, &header, revealed(&unipile.webhook_secret)) {
        Ok(wanted) => wanted,
        Err(problem) => {
            writeln!(problems, "{problem}")?;
            return Ok(ExitCode::from(WRONG_CONFIGURATION));
        }
    };
    let client = UnipileV1::new(base_url, revealed(&unipile.api_key), unipile.timeout, clock)
        .map_err(anyhow::Error::msg)?;
    let mut lost = None;
    register(&client, &wanted, |action, id| {
        let (done, name) = match action {
            Action::Create { name } => ("created", name),
            Action::Keep { name, .. } => ("kept", name),
            Action::Remove { name, .. } => ("removed", name),
        };
        if let Err(error) = writeln!(out, "{done:<8} {name:<23} {id}") {
            lost = Some(error);
        }
    })
    .await
    .context(
        "the provider's webhooks are not all as they should be; run it again to do the rest",
    )?;
    writeln!(out, "The provider sends to {}", wanted.request_url())?;
    lost.map_or(Ok(ExitCode::SUCCESS), |error| Err(error.into()))
}

fn revealed(secret: &Secret) -> SecretString {
    SecretString::from(secret.expose())
}

/// A header's name as people write it, `Unipile-Auth`: the configuration keeps it in small letters.
fn as_written(header: &HeaderName) -> String {
    let words = header.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_look_as_people_write_them() {
        for (name, written) in [
            ("unipile-auth", "Unipile-Auth"),
            ("x--y", "X--Y"),
            ("a", "A"),
        ] {
            assert_eq!(as_written(&HeaderName::from_static(name)), written);
        }
    }
}
