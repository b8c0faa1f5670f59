//! `acceptd import`: sends a file to the daemon, which imports it, and shows what became of its rows.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};

use super::client::Api;
use super::table::printable;
use super::{Ended, Failure, output};
use crate::api::imports::{ImportReport, ImportStarted, ImportState};
use crate::import::FILE_BYTES_MAX;
use crate::import::columns::Mapping;

/// Explains the columns in `--help`.
const HELP: &str = "Columns are known by the names that HubSpot, Salesforce, Pipedrive, Apollo, PhantomBuster, Evaboot, HeyReach, \
lemlist, LinkedIn's own archive and Excel give them, also in German and French. A dry run shows what each column was taken for. \
A Campaign column of names makes campaigns. A row without an id gets one that is derived from account, campaign and person, so \
importing a file twice changes nothing.";

/// How often the daemon is asked how far it got.
const ASK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The file (CSV or NDJSON); `-` for standard input
    file: PathBuf,
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
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = checked)]
    map: Vec<String>,
    /// Say what the import would do, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Checks a mapping before the file is sent.
fn checked(text: &str) -> Result<String, String> {
    Mapping::parse(text).map(|_| text.to_owned())
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let name = match args.file.as_os_str() {
        name if name == "-" => "<stdin>".to_owned(),
        _ => args.file.display().to_string(),
    };
    let bytes = read(&args.file).map_err(|why| anyhow!("{name}: {why}"))?;
    let started: ImportStarted = api
        .post_file(&["v1", "imports"], &query(&args), bytes)
        .await
        .with_context(|| name.clone())?;
    let report = follow(api, &started.import_id).await?;
    for error in &report.errors {
        let column = error.column.iter().map(|column| format!("{column}: "));
        let what = format!("{}{}", column.collect::<String>(), error.detail);
        output::error_line(format_args!("{name}:{}: {}", error.line, printable(&what)));
    }
    if args.json {
        output::json(&serde_json::to_value(&report).context("the answer as JSON")?)?;
    } else {
        show(&report)?;
    }
    let is_clean = report.failed == 0 && report.state == ImportState::Done;
    Ok(if is_clean { Ended::Done } else { Ended::Failed })
}

/// The whole file, or standard input for `-`.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|f| f.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("can't be read: {error}"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!(
            "is larger than {} MiB. Split it.",
            FILE_BYTES_MAX >> 20
        ));
    }
    Ok(bytes)
}

fn query(args: &Args) -> Vec<(&str, &str)> {
    let mut query: Vec<(&str, &str)> = args.map.iter().map(|map| ("map", map.as_str())).collect();
    for (key, value) in [
        ("account", &args.account),
        ("campaign", &args.campaign),
        ("campaignName", &args.campaign_name),
    ] {
        query.extend(value.as_deref().map(|value| (key, value)));
    }
    query.extend(args.dry_run.then_some(("dryRun", "true")));
    query
}

/// Asks for an import until it has ended, with a progress bar if standard error is a terminal.
async fn follow(api: &Api, id: &str) -> anyhow::Result<ImportReport> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}") {
        bar.set_style(style);
    }
    loop {
        let report: ImportReport = api.get(&["v1", "imports", id], &[]).await?;
        bar.set_length(report.rows_total);
        bar.set_position(report.rows);
        if report.state != ImportState::Running {
            bar.finish_and_clear();
            return Ok(report);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn show(report: &ImportReport) -> std::io::Result<()> {
    let would = if report.dry_run { "Dry run: " } else { "" };
    let mut said = format!(
        "{would}{} created, {} updated, {} unchanged, {} failed.",
        report.created, report.updated, report.unchanged, report.failed
    );
    if report.no_usable_identity > 0 {
        said += &format!(
            " {} have no usable identity, so no signal can be matched to them.",
            report.no_usable_identity
        );
    }
    if report.duplicates > 0 {
        said += &format!(" {} repeat earlier rows.", report.duplicates);
    }
    if report.state == ImportState::Interrupted {
        said += " The import was interrupted. Import the same file again to complete it.";
    }
    output::line(said)?;
    if report.dry_run {
        for column in &report.columns {
            let field = column.field.as_deref().unwrap_or("ignored");
            output::line(format_args!("  {} → {field}", printable(&column.header)))?;
        }
    } else if let Some(id) = &report.import_id {
        output::line(format_args!("Import {id}"))?;
    }
    let ignored: Vec<&str> = report
        .columns
        .iter()
        .filter(|column| column.field.is_none() && !column.header.is_empty())
        .map(|column| column.header.as_str())
        .collect();
    if !report.dry_run && !ignored.is_empty() {
        let ignored = printable(&ignored.join(", "));
        output::line(format_args!("Ignored columns: {ignored}"))?;
    }
    if !report.unknown_accounts.is_empty() {
        let unknown = printable(&report.unknown_accounts.join(", "));
        output::line(format_args!("The provider does not know: {unknown}"))?;
    }
    Ok(())
}
