//! `acceptd resync`: ask the running daemon to look again.

use serde_json::json;

use super::client::Api;
use super::table::plain;
use super::{Ended, Failure, say};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this account
    #[arg(long, value_name = "ID", conflicts_with = "enrollment")]
    account: Option<String>,
    /// Only this prospect
    #[arg(long, value_name = "ID")]
    enrollment: Option<String>,
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let path = match (&args.account, &args.enrollment) {
        (Some(id), _) => vec!["v1", "accounts", id, "resync"],
        (None, Some(id)) => vec!["v1", "enrollments", id, "resync"],
        (None, None) => vec!["v1", "resync"],
    };
    let answer = api.post(&path, &json!({})).await?;
    let due = plain(&answer["dueAt"]);
    let when = if due.is_empty() {
        "within spacing and budget".to_owned()
    } else {
        format!("due at {due}")
    };
    let asked = match (args.account, args.enrollment) {
        (Some(id), _) => format!("A poll of account {id} is asked for, {when}."),
        (None, Some(id)) => {
            let resync = plain(&answer["resyncId"]);
            format!("A look at {id} is asked for, {when} (resync {resync}).")
        }
        (None, None) => format!("A poll of every account is asked for, {when}."),
    };
    say::line(asked)?;
    Ok(Ended::Done)
}
