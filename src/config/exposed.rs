//! Warns of files with secrets that other users of this machine can read.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::problems::Collector;

/// The keys that hold a secret, or a list or table of secrets.
const SECRETS: [&str; 11] = [
    "admin_token",
    "api_key",
    "headers",
    "metrics_token",
    "secret",
    "secrets",
    "signing_secret",
    "token",
    "url",
    "webhook_secret",
    "webhook_secrets",
];

/// One warning for each file that a secret of the table is read from and that others can read, the file of the table itself
/// included.
pub(super) fn check(
    collector: &Collector<'_>,
    table: &DeTable<'_>,
    path: Option<&Path>,
) -> Vec<String> {
    let mut found = Found::default();
    found.table(table, false);
    let mut warnings: Vec<_> = found
        .files
        .into_iter()
        .filter(|(file, _)| others_can_read(file))
        .map(|(file, at)| {
            let (line, shown) = (collector.line(&at), file.display());
            format!("line {line}: the file {shown} holds a secret and every user can read it: chmod 600 {shown}")
        })
        .collect();
    if let Some(at) = found.literal
        && path.is_some_and(others_can_read)
    {
        warnings.push(format!(
            "line {}: holds a secret, and every user can read this file: chmod 600 it, or keep secrets in files of their own with {{ file = \"PATH\" }} or {{ credential = \"NAME\" }}",
            collector.line(&at)
        ));
    }
    warnings
}

#[derive(Default)]
struct Found {
    /// Files that hold one secret each, and where they are named.
    files: Vec<(PathBuf, std::ops::Range<usize>)>,
    /// Where the first secret is written out.
    literal: Option<std::ops::Range<usize>>,
}

impl Found {
    fn table(&mut self, table: &DeTable<'_>, secret: bool) {
        for (key, value) in table.iter() {
            let secret = secret || SECRETS.contains(&key.get_ref().as_ref());
            self.value(value.get_ref(), &value.span(), secret);
        }
    }

    fn value(&mut self, value: &DeValue<'_>, at: &std::ops::Range<usize>, secret: bool) {
        match value {
            DeValue::String(text) if secret && !text.is_empty() && self.literal.is_none() => {
                self.literal = Some(at.clone());
            }
            DeValue::Array(items) => {
                for item in items.iter() {
                    self.value(item.get_ref(), &item.span(), secret);
                }
            }
            DeValue::Table(table) if secret && is_reference(table) => {
                self.files
                    .extend(file_of(table).map(|file| (file, at.clone())));
            }
            DeValue::Table(table) => self.table(table, secret && !is_section(table)),
            _ => {}
        }
    }
}

/// Whether it is a `[[token]]`, whose own keys say what is secret.
fn is_section(table: &DeTable<'_>) -> bool {
    table.contains_key("name")
}

/// Whether the table says where a secret is stored.
fn is_reference(table: &DeTable<'_>) -> bool {
    table.len() == 1
        && ["env", "file", "credential"]
            .iter()
            .any(|k| table.contains_key(*k))
}

fn file_of(table: &DeTable<'_>) -> Option<PathBuf> {
    let text = |key: &str| Some(table.get(key)?.get_ref().as_str()?.to_owned());
    if let Some(file) = text("file") {
        return Some(PathBuf::from(file));
    }
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(PathBuf::from(directory).join(text("credential")?))
}

/// Whether any user of this machine can read the file: its mode and every directory above it allow it.
fn others_can_read(file: &Path) -> bool {
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.permissions().mode());
    let Ok(file) = file.canonicalize() else {
        return false;
    };
    mode(&file) & 0o004 != 0
        && file
            .ancestors()
            .skip(1)
            .all(|above| mode(above) & 0o001 != 0)
}
