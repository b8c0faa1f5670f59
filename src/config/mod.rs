//! Reads and checks the configuration file (see docs/rules/configuration.md).
//!
//! `config/acceptd.toml` documents every key and is the layer under the user's file. [`load`] reports every problem of a file at
//! once, each with its line, and never shows a secret.

mod exposed;
mod network;
mod print;
mod problems;
mod read;
mod rules;
mod schema;
mod secret;
mod section;
mod tokens;
mod types;
mod values;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub use network::Network;
pub use problems::{Errors, Problem};
pub use secret::{REDACTED, Secret, SigningSecret};
pub use tokens::{ADMIN, Bearer};
pub use types::{
    Account, AccountSettings, Config, Database, Destination, Events, InDoubt, Kind, Poll,
    Sendpilot, Server, Token, Unipile, Wants,
};
pub use values::{ActiveHours, Rate, duration, duration_text, is_loopback};

use problems::Collector;
use section::Section;

/// The documented file with every key and its default.
pub const DEFAULTS: &str = include_str!("../../config/acceptd.toml");

/// The path of the configuration if none is given.
pub const DEFAULT_PATH: &str = "config/acceptd.toml";

/// A configuration that may be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What is allowed but unwise, one sentence each.
    pub warnings: Vec<String>,
    /// Where it was read from.
    pub path: PathBuf,
}

/// Reads and checks a file.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn load(path: &Path) -> Result<Loaded, Errors> {
    let file = path.display().to_string();
    let whole = |line, column, message: String| Errors {
        file: file.clone(),
        problems: vec![Problem {
            line,
            column,
            key: String::new(),
            message,
        }],
    };
    let bytes = std::fs::read(path).map_err(|e| {
        let help = if e.kind() == std::io::ErrorKind::NotFound {
            "there is no such file: name one with --config or $ACCEPTD_CONFIG; an empty file gives every default, and the documented one is config/acceptd.toml of the source (/etc/acceptd/acceptd.toml of the package)".to_owned()
        } else {
            format!("can't be read: {e}")
        };
        whole(0, 0, help)
    })?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&e.as_bytes()[..valid]).into_owned();
        let (line, column) = problems::place(&before, valid);
        whole(
            line,
            column,
            "is not UTF-8 text: save it as UTF-8".to_owned(),
        )
    })?;
    let (config, warnings) = parse_file(&text, Some(path)).map_err(|problems| Errors {
        file: file.clone(),
        problems,
    })?;
    Ok(Loaded {
        config,
        warnings: warnings
            .into_iter()
            .map(|w| format!("{file}: {w}"))
            .collect(),
        path: path.to_owned(),
    })
}

/// Reads and checks a text: the configuration and the warnings.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn parse(text: &str) -> Result<(Config, Vec<String>), Vec<Problem>> {
    parse_file(text, None)
}

/// [`parse`] of a text that was read from `path`.
fn parse_file(text: &str, path: Option<&Path>) -> Result<(Config, Vec<String>), Vec<Problem>> {
    let collector = Collector::new(text);
    let (user, syntax) = DeTable::parse_recoverable(text);
    // One mistake in the syntax is often reported several times, and what follows it is guesswork.
    let mut lines = HashSet::new();
    for error in &syntax {
        let span = error.span().unwrap_or_default();
        if lines.insert(collector.line(&span)) {
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            collector.add(&span, "", format!("is not TOML: {message}"));
        }
    }
    if !syntax.is_empty() {
        return Err(collector.into_problems());
    }
    let (base, _) = DeTable::parse_recoverable(DEFAULTS);
    let root = Section::new(
        &collector,
        String::new(),
        Some(user.get_ref()),
        Some(base.get_ref()),
        0..0,
    );
    let read = schema::config(&root).map(|config| {
        let mut warnings = rules::check(&root, &config);
        warnings.extend(exposed::check(&collector, user.get_ref(), path));
        (config, warnings)
    });
    drop(root);
    let problems = collector.into_problems();
    match read {
        Some(read) if problems.is_empty() => Ok(read),
        _ => Err(problems),
    }
}

impl Default for Config {
    /// What an empty file gives.
    fn default() -> Self {
        parse("").map_or_else(
            |problems| unreachable!("the embedded defaults are held valid by a test: {problems:?}"),
            |(config, _)| config,
        )
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod token_tests;
