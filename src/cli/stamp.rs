//! `acceptd stamp`: records an accept by hand.

use super::client::Api;
use super::table::known;
use super::{Ended, Failure, output};
use crate::api::enrollments::{Enrollment, StampRequest};
use crate::api::fields::PastTime;
use crate::domain::time::Timestamp;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The enrollment's id
    enrollment: String,
    /// When the invite was accepted, RFC 3339; without it: at or before now
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// Why, for the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("not an RFC 3339 time such as 2026-05-02T15:14:06Z")
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let request = StampRequest {
        at: args.at.map(PastTime::from),
        reason: args.reason.as_str().into(),
    };
    let path = ["v1", "enrollments", &args.enrollment, "stamp"];
    let e: Enrollment = api.post(&path, &request).await?;
    output::line(format_args!(
        "{} is {}, accepted at {} ({}).",
        args.enrollment,
        e.status,
        known(e.accepted_at),
        known(e.accepted_at_precision),
    ))?;
    Ok(Ended::Done)
}
