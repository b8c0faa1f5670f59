//! `acceptd explain`: what is known of one prospect, what each signal led to and why, and when the account is polled next.

use std::fmt::Write as _;

use super::client::Api;
use super::deliveries;
use super::table::{known, plain, time};
use super::{Ended, Failure, output};
use crate::api::accounts::{Account, Health};
use crate::api::enrollments::{Enrollment, EnrollmentDetail};
use crate::api::signals::Signal;
use crate::domain::enrollment::Status;

/// The most accounts that are read to find the one of the enrollment.
const ACCOUNTS_MAX: usize = 50_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The enrollment's id
    enrollment: String,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, api: &Api) -> Result<Ended, Failure> {
    let path = ["v1", "enrollments", args.enrollment.as_str()];
    let found: EnrollmentDetail = api.get(&path, &[]).await?;
    if args.json {
        output::json(&found)?;
        return Ok(Ended::Done);
    }
    let (accounts, _) = api.list(&["v1", "accounts"], &[], ACCOUNTS_MAX).await?;
    let account = accounts
        .into_iter()
        .find(|account: &Account| account.id == found.enrollment.account_id);
    output::line(explanation(&found, account.as_ref()).trim_end())?;
    Ok(Ended::Done)
}

/// Returns the whole explanation.
fn explanation(found: &EnrollmentDetail, account: Option<&Account>) -> String {
    let e = &found.enrollment;
    let mut out = identity(e);
    out.push_str(&state(e));
    if e.accepted_at.is_none() {
        out.push_str(&still_waiting(e, account));
    }
    out.push_str(&signals(found));
    if found.deliveries.is_empty() {
        out.push_str("\nNo deliveries.\n");
    } else {
        let table = deliveries::table_of(&found.deliveries);
        let _ = writeln!(out, "\nDeliveries:\n{table}");
    }
    out
}

fn identity(e: &Enrollment) -> String {
    let name = e.name.as_ref().map(plain);
    let name = name.unwrap_or_else(|| "a person without a name".to_owned());
    let url = e.linkedin_url.as_ref().map(|u| format!(" ({})", plain(u)));
    let ids: Vec<String> = [
        ("provider id", e.provider_id.as_ref().map(plain)),
        ("member number", e.member_number.map(plain)),
        ("public identifier", e.public_identifier.as_ref().map(plain)),
    ]
    .into_iter()
    .filter_map(|(what, id)| Some(format!("{what} {}", id?)))
    .collect();
    let identity = if ids.is_empty() {
        "No usable identity is known. Only a signal that names the enrollment can be tied to it."
            .to_owned()
    } else {
        format!("Known by {}.", ids.join(", "))
    };
    format!(
        "{} is {name}{} in campaign {}, worked by account {}.\n{identity}\n",
        e.id,
        url.unwrap_or_default(),
        e.campaign_id,
        e.account_id,
    )
}

fn state(e: &Enrollment) -> String {
    let mut out = format!("Status {}. ", e.status);
    match e.invited_at {
        Some(at) => _ = write!(out, "Invited at {}. ", time(at)),
        None => out.push_str("No invite is known. "),
    }
    if let Some(at) = e.accepted_at {
        let path = e.path.map(|path| format!(", path {path}"));
        let _ = write!(
            out,
            "Accepted at {} ({}), seen at {} by source {}{}. ",
            time(at),
            known(e.accepted_at_precision),
            time(e.detected_at),
            known(e.source),
            path.unwrap_or_default(),
        );
        for (holds, sentence) in [
            (e.via_sibling, "The signal came to a sibling account. "),
            (
                e.pre_connected,
                "The two were connected before the invite. ",
            ),
            (e.late, "It was late for the campaign. "),
            (e.backfill, "It was found too late to be announced as new. "),
        ] {
            if holds {
                out.push_str(sentence);
            }
        }
    }
    if let Some(at) = e.replied_at {
        let _ = write!(out, "Replied at {}. ", time(at));
    }
    if let Some(at) = e.next_step_at {
        let _ = write!(out, "The next step is due at {}. ", time(at));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Why there is no accept yet, and when the account is polled next.
fn still_waiting(e: &Enrollment, account: Option<&Account>) -> String {
    let mut out = String::from("\nNot accepted yet: no signal of a connection was seen. ");
    let Some(account) = account else {
        out.push_str("The daemon does not know its account.\n");
        return out;
    };
    if account.health != Health::Ok {
        let reason = known(account.health_reason.as_ref());
        let _ = write!(
            out,
            "The account is not healthy ({} {reason}): it is not polled until it is healthy again. ",
            account.health,
        );
    }
    match account.last_poll_at {
        Some(at) => _ = write!(out, "The account was last polled at {}. ", time(at)),
        None => out.push_str("The account was never polled. "),
    }
    match account.next_poll_at {
        Some(at) => _ = write!(out, "The next poll is due at {}. ", time(at)),
        None => {
            out.push_str("No poll is due: no provider is configured, or no enrollment is open. ")
        }
    }
    if account.calls_today >= account.daily_budget {
        let budget = account.daily_budget;
        let _ = write!(out, "Today's budget of {budget} calls is used up. ");
    }
    if !matches!(e.status, Status::Pending | Status::ConnectionSent) {
        out.push_str("Because of its status, the accept is not waited for. ");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn signals(found: &EnrollmentDetail) -> String {
    if found.signals.is_empty() {
        return "\nNo signals.\n".to_owned();
    }
    let mut signals: Vec<&Signal> = found.signals.iter().collect();
    signals.sort_by_key(|s| s.received_at);
    let mut out = String::from("\nSignals, oldest first:\n");
    for signal in signals {
        let path = signal
            .enrollments
            .iter()
            .find(|tie| tie.id == found.enrollment.id.as_str())
            .and_then(|tie| tie.path)
            .map(|path| format!(" by path {path}"))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}  {} → {}{path}: {}",
            time(signal.received_at),
            signal.source,
            signal.outcome,
            plain(&signal.reason),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// An enrollment with these fields, and every other field unknown.
    fn shown(fields: Value) -> EnrollmentDetail {
        let mut e = json!({
            "id": "enr_1", "accountId": "acc_1", "campaignId": "c", "viaSibling": false, "preConnected": false, "late": false,
            "backfill": false, "createdAt": "2026-05-01T00:00:00.000Z", "signals": [], "deliveries": [],
        });
        for (key, value) in fields.as_object().into_iter().flatten() {
            e[key] = value.clone();
        }
        serde_json::from_value(e).unwrap()
    }

    #[test]
    fn an_accept_is_explained_from_its_first_signal_on() {
        let explained = explanation(
            &shown(json!({
                "status": "CONNECTION_ACCEPTED", "name": "Ada\u{1b}[2J", "linkedinUrl": "https://www.linkedin.com/in/ada",
                "publicIdentifier": "ada", "invitedAt": "2026-05-01T00:00:00.000Z", "acceptedAt": "2026-05-02T00:00:00.000Z",
                "acceptedAtPrecision": "exact", "detectedAt": "2026-05-02T00:00:01.000Z", "source": "poll", "path": "profile",
                "late": true,
                "signals": [
                    {"id": "2", "receivedAt": "2026-05-03T00:00:00.000Z", "source": "webhook", "outcome": "already_stamped",
                     "reason": "Late.", "enrollments": []},
                    {"id": "1", "receivedAt": "2026-05-02T00:00:01.000Z", "source": "poll", "outcome": "stamped",
                     "reason": "First.", "enrollments": [{"id": "enr_1", "path": "profile"}]}],
            })),
            None,
        );
        assert!(
            explained
                .contains("exact), seen at 2026-05-02 00:00:01Z by source poll, path profile."),
            "{explained}"
        );
        assert!(explained.contains("It was late"), "{explained}");
        assert!(!explained.contains('\u{1b}'));
        let first = explained.find("First.").unwrap();
        assert!(first < explained.find("Late.").unwrap(), "{explained}");
        assert!(!explained.contains("Not accepted yet"));
    }

    #[test]
    fn a_missing_accept_is_explained_by_its_account() {
        let account = json!({
            "id": "acc_1", "aliases": [], "provider": "unipile", "workspaceId": "w", "health": "UNHEALTHY",
            "healthReason": "the provider says so", "lastPollAt": null, "nextPollAt": "2026-05-03T00:00:00.000Z",
            "openEnrollments": 1, "callsToday": 100, "dailyBudget": 100,
        });
        let account: Account = serde_json::from_value(account).unwrap();
        let explained = explanation(
            &shown(json!({"status": "CONNECTION_SENT", "invitedAt": "2026-05-01T00:00:00.000Z"})),
            Some(&account),
        );
        for expected in [
            "No usable identity",
            "Not accepted yet",
            "not healthy (UNHEALTHY the provider says so)",
            "never polled",
            "due at 2026-05-03 00:00:00Z",
            "budget of 100 calls is used up",
            "No signals.",
            "No deliveries.",
        ] {
            assert!(explained.contains(expected), "{expected}\n{explained}");
        }
    }
}
