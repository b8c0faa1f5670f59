//! `acceptd import`: enrolls people from CSV or NDJSON. A row with an error does not affect other rows.

mod columns;
mod csv;
mod ndjson;
mod send;
mod text;
mod twice;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::client::Api;
use super::{Ended, Failure, say};
use columns::{Defaults, Mapping, RowError};

/// What the columns of a CSV file are called, for `--help`.
const HELP: &str = "Columns are known by their usual names in any spelling: LinkedIn URL, Profile URL, Sales Navigator URL, \
Name or First Name and Last Name, Headline or Title, Company, ID, Account ID, Campaign ID, Invited At, Note. \
A Campaign column of names makes campaigns. \
A row without an id gets one made from account, campaign and identity, so that importing a file twice changes nothing.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The file; `-` for standard input
    file: PathBuf,
    /// What the file is; without it, it is looked at
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The account of rows that name none
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The campaign of rows that name none
    #[arg(long, value_name = "ID")]
    campaign: Option<String>,
    /// The name of the campaign of rows that name none; without --campaign, its id is derived from the name
    #[arg(long, value_name = "NAME")]
    campaign_name: Option<String>,
    /// What a column means, such as "Prospect=name"; `ignore` leaves it out. May be repeated
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = columns::mapping)]
    map: Vec<Mapping>,
    /// The summary as JSON, for programs
    #[arg(long)]
    json: bool,
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Ndjson,
}

/// One row of the file: an enrollment, or what is wrong with it.
#[derive(Debug)]
struct Entry {
    line: usize,
    row: Result<Map<String, Value>, RowError>,
}

/// Why no row could be read at all.
#[derive(Debug)]
enum Unreadable {
    /// The file is not what it should be.
    File(String),
    /// The options do not fit the file.
    Usage(String),
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let name = if args.file.as_os_str() == "-" {
        "<stdin>".to_owned()
    } else {
        args.file.display().to_string()
    };
    let bytes = text::bytes(&args.file).map_err(|e| anyhow::anyhow!("{name}: {e}"))?;
    let content = text::decode(bytes).map_err(|e| anyhow::anyhow!("{name}: {e}"))?;
    let defaults = Defaults {
        account: args.account,
        campaign: args.campaign,
        campaign_name: args.campaign_name,
    };
    let format = args.format.or_else(|| named(&args.file));
    let entries = read(&content, format, &args.map, &defaults).map_err(|e| match e {
        Unreadable::File(message) => Failure::Failed(anyhow::anyhow!("{name}: {message}")),
        Unreadable::Usage(message) => Failure::Usage(format!("error: {message}")),
    })?;
    let summary = send::all(entries, &name, api).await;
    if args.json {
        say::json(&summary.json())?;
    } else {
        say::line(summary.sentence())?;
    }
    Ok(if summary.is_clean() {
        Ended::Done
    } else {
        Ended::Failed
    })
}

/// The format that a file's name says. Only where one line in error would hide it from who looks at the text: a CSV file shows what
/// it is by its header.
fn named(file: &Path) -> Option<Format> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    matches!(extension.as_str(), "ndjson" | "jsonl").then_some(Format::Ndjson)
}

/// Reads every row of a file.
fn read(
    content: &str,
    format: Option<Format>,
    mappings: &[Mapping],
    defaults: &Defaults,
) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = parse(content, format, mappings, defaults)?;
    twice::refuse(&mut entries);
    Ok(entries)
}

fn parse(
    content: &str,
    format: Option<Format>,
    mappings: &[Mapping],
    defaults: &Defaults,
) -> Result<Vec<Entry>, Unreadable> {
    let format = match (format, content.trim_start().chars().next()) {
        (Some(format), _) => format,
        (None, Some('{')) => Format::Ndjson,
        (None, Some('[')) => {
            return Err(Unreadable::File(
                "is a JSON array: write one object per line (jq -c '.[]' does it)".to_owned(),
            ));
        }
        // A first line in error hides what the others are.
        (None, _) if content.lines().any(|line| line.starts_with("{\"")) => {
            match csv::read(content, mappings, defaults) {
                Err(Unreadable::File(_)) => Format::Ndjson,
                rows => return rows,
            }
        }
        (None, _) => Format::Csv,
    };
    match format {
        Format::Csv => csv::read(content, mappings, defaults),
        Format::Ndjson => Ok(ndjson::read(content, mappings, defaults)),
    }
}
