//! `acceptd stamp`: drive the stamping routine by hand.

use serde_json::json;

use super::client::Api;
use super::table::plain;
use super::{Ended, Failure, say};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The enrollment's id
    enrollment: String,
    /// When the invite was accepted, RFC 3339; without it: at or before now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Why, for the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let mut body = json!({"reason": args.reason});
    if let Some(at) = args.at {
        body["at"] = at.into();
    }
    let path = ["v1", "enrollments", &args.enrollment, "stamp"];
    let answer = api.post(&path, &body).await?;
    say::line(format_args!(
        "{} is {}, accepted at {} ({}).",
        args.enrollment,
        plain(&answer["status"]),
        plain(&answer["acceptedAt"]),
        plain(&answer["acceptedAtPrecision"]),
    ))?;
    Ok(Ended::Done)
}
