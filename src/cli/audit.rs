//! `acceptd audit`: lists who changed what.

use serde_json::json;

use super::client::Api;
use super::table::{self, known, plain, time};
use super::{Ended, Failure, output};
use crate::api::audit::AuditEntry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max: usize,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let (items, more) = api
        .list::<AuditEntry>(&["v1", "audit"], &[], args.max)
        .await?;
    if args.json {
        output::json(&json!({"items": items, "more": more}))?;
        return Ok(Ended::Done);
    }
    if items.is_empty() {
        output::line("No changes.")?;
        return Ok(Ended::Done);
    }
    output::line(table::of(
        &items,
        &[
            ("at", |e| time(e.at)),
            ("actor", |e| plain(&e.actor)),
            ("via", |e| known(e.via)),
            ("action", |e| plain(&e.action)),
            ("subject", |e| known(e.subject.as_ref())),
            ("peer", |e| known(e.peer.as_ref())),
        ],
    ))?;
    if more {
        output::line("There are more: raise --max.")?;
    }
    Ok(Ended::Done)
}
