//! `acceptd stamp`: drive the stamping routine by hand.

use serde_json::json;

use super::client::Api;
use super::table::plain;
use super::{Ended, Failure, say};
use crate::domain::time::Timestamp;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The enrollment's id
    enrollment: String,
    /// When the invite was accepted, RFC 3339; without it: at or before now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<String>,
    /// Why, for the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// A time as the API takes it.
fn time(text: &str) -> Result<String, &'static str> {
    match Timestamp::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("not an RFC 3339 time such as 2026-05-02T15:14:06Z"),
    }
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
