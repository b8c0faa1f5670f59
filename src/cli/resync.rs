//! `acceptd resync`: asks the running daemon to poll again.

use serde_json::json;

use super::client::Api;
use super::{Ended, Failure, output};
use crate::api::resyncs::{AccountResyncAccepted, ResyncAccepted, ResyncAllAccepted};

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
    let body = json!({});
    let message = match (args.account, args.enrollment) {
        (Some(id), _) => {
            let path = ["v1", "accounts", &id, "resync"];
            let AccountResyncAccepted { due_at, .. } = api.post(&path, &body).await?;
            format!("A poll of account {id} is asked for, due at {due_at}.")
        }
        (None, Some(id)) => {
            let path = ["v1", "enrollments", &id, "resync"];
            let ResyncAccepted { resync_id, due_at } = api.post(&path, &body).await?;
            format!("A look at {id} is asked for, due at {due_at} (resync {resync_id}).")
        }
        (None, None) => {
            let _: ResyncAllAccepted = api.post(&["v1", "resync"], &body).await?;
            "A poll of every account is asked for, within spacing and budget.".to_owned()
        }
    };
    output::line(message)?;
    Ok(Ended::Done)
}
