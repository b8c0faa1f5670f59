//! `acceptd explain`: what was seen of one prospect, what each sign led to and why, what was not seen, when the next look is due.

use std::fmt::Write as _;

use serde_json::Value;

use super::client::Api;
use super::deliveries;
use super::table::{plain, time};
use super::{Ended, Failure, say};

/// Accounts are looked through up to this many.
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
    let enrollment = api.get(&path, &[]).await?;
    if args.json {
        say::json(&enrollment)?;
        return Ok(Ended::Done);
    }
    let (accounts, _) = api.list(&["v1", "accounts"], &[], ACCOUNTS_MAX).await?;
    let account = accounts
        .into_iter()
        .find(|a| a["id"] == enrollment["accountId"])
        .unwrap_or_default();
    say::line(sentences(&enrollment, &account).trim_end())?;
    Ok(Ended::Done)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The whole explanation.
fn sentences(enrollment: &Value, account: &Value) -> String {
    let mut out = who(enrollment);
    out.push_str(&standing(enrollment));
    if enrollment["acceptedAt"].is_null() {
        out.push_str(&still_waiting(enrollment, account));
    }
    out.push_str(&signals(enrollment));
    let sent = list(enrollment, "deliveries");
    if sent.is_empty() {
        out.push_str("\nNo deliveries.\n");
    } else {
        let _ = writeln!(out, "\nDeliveries:\n{}", deliveries::table_of(sent));
    }
    out
}

fn who(e: &Value) -> String {
    let known = |key: &str| Some(plain(&e[key])).filter(|t| !t.is_empty());
    let name = known("name").unwrap_or_else(|| "somebody without a name".to_owned());
    let url = known("linkedinUrl").map(|u| format!(" ({u})"));
    let ids: Vec<String> = [
        ("provider id", known("providerId")),
        ("member number", known("memberNumber")),
        ("public identifier", known("publicIdentifier")),
    ]
    .into_iter()
    .filter_map(|(what, id)| Some(format!("{what} {}", id?)))
    .collect();
    let identity = if ids.is_empty() {
        "No usable identity is known: no sign can be tied to it but one that names the enrollment."
            .to_owned()
    } else {
        format!("Known by {}.", ids.join(", "))
    };
    format!(
        "{} is {name}{} in campaign {}, worked by account {}.\n{identity}\n",
        plain(&e["id"]),
        url.unwrap_or_default(),
        plain(&e["campaignId"]),
        plain(&e["accountId"]),
    )
}

fn standing(e: &Value) -> String {
    let mut out = format!("Status {}. ", plain(&e["status"]));
    match e["invitedAt"].as_str() {
        Some(_) => _ = write!(out, "Invited at {}. ", time(&e["invitedAt"])),
        None => out.push_str("No invite is known. "),
    }
    if !e["acceptedAt"].is_null() {
        let path = match e["path"].as_str() {
            Some(path) => format!(", path {path}"),
            None => String::new(),
        };
        let _ = write!(
            out,
            "Accepted at {} ({}), seen at {} by source {}{path}. ",
            time(&e["acceptedAt"]),
            plain(&e["acceptedAtPrecision"]),
            time(&e["detectedAt"]),
            plain(&e["source"]),
        );
        for (key, sentence) in [
            ("viaSibling", "The sign came to a sibling account. "),
            ("preConnected", "The two were connected before the invite. "),
            ("late", "It came late for the campaign. "),
            ("backfill", "It was old news when it was found. "),
        ] {
            if e[key].as_bool() == Some(true) {
                out.push_str(sentence);
            }
        }
    }
    if !e["repliedAt"].is_null() {
        let _ = write!(out, "Replied at {}. ", time(&e["repliedAt"]));
    }
    if !e["nextStepAt"].is_null() {
        let _ = write!(out, "The next step is due at {}. ", time(&e["nextStepAt"]));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Why there is no accept yet, and when the next look is due.
fn still_waiting(e: &Value, account: &Value) -> String {
    let mut out = String::from("\nNot accepted yet: no sign of a connection was seen. ");
    if account.is_null() {
        out.push_str("Its account is not known to the daemon.\n");
        return out;
    }
    let health = plain(&account["health"]);
    if !matches!(health.as_str(), "ok" | "OK" | "healthy") {
        let reason = plain(&account["healthReason"]);
        let _ = write!(
            out,
            "The account is not healthy ({health} {reason}): it is not polled until it is back. ",
        );
    }
    match account["lastPollAt"].as_str() {
        Some(_) => {
            _ = write!(
                out,
                "The account was last polled at {}. ",
                time(&account["lastPollAt"])
            )
        }
        None => out.push_str("The account was never polled. "),
    }
    match account["nextPollAt"].as_str() {
        Some(_) => {
            _ = write!(
                out,
                "The next poll is due at {}. ",
                time(&account["nextPollAt"])
            )
        }
        None => out.push_str("No poll is due: there is no provider to ask, or nothing open. "),
    }
    let (calls, budget) = (
        account["callsToday"].as_u64(),
        account["dailyBudget"].as_u64(),
    );
    if let (Some(calls), Some(budget)) = (calls, budget)
        && calls >= budget
    {
        let _ = write!(out, "Today's budget of {budget} calls is used up. ");
    }
    if !matches!(e["status"].as_str(), Some("PENDING" | "CONNECTION_SENT")) {
        out.push_str("Its status keeps it from being waited for. ");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn signals(e: &Value) -> String {
    let mut signals: Vec<&Value> = list(e, "signals").iter().collect();
    if signals.is_empty() {
        return "\nNo signals.\n".to_owned();
    }
    signals.sort_by_key(|s| plain(&s["receivedAt"]));
    let mut out = String::from("\nSignals, oldest first:\n");
    for signal in signals {
        let path = list(signal, "enrollments")
            .iter()
            .find(|at| at["id"] == e["id"])
            .and_then(|at| at["path"].as_str())
            .map(|path| format!(" by path {path}"))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}  {} → {}{path}: {}",
            time(&signal["receivedAt"]),
            plain(&signal["source"]),
            plain(&signal["outcome"]),
            plain(&signal["reason"]),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_accept_is_told_from_its_first_sign_on() {
        let told = sentences(
            &json!({"id": "enr_1", "accountId": "acc_1", "campaignId": "c", "status": "CONNECTION_ACCEPTED", "name": "Ada\u{1b}[2J",
                "linkedinUrl": "https://www.linkedin.com/in/ada", "publicIdentifier": "ada", "invitedAt": "2026-05-01T00:00:00.000Z",
                "acceptedAt": "2026-05-02T00:00:00.000Z", "acceptedAtPrecision": "exact", "detectedAt": "2026-05-02T00:00:01.000Z",
                "source": "poll", "path": "profile", "late": true,
                "signals": [
                    {"receivedAt": "2026-05-03T00:00:00.000Z", "source": "webhook", "outcome": "already_stamped", "reason": "Late.", "enrollments": []},
                    {"receivedAt": "2026-05-02T00:00:01.000Z", "source": "poll", "outcome": "stamped", "reason": "First.",
                     "enrollments": [{"id": "enr_1", "path": "profile"}]}],
                "deliveries": []}),
            &Value::Null,
        );
        assert!(
            told.contains("exact), seen at 2026-05-02 00:00:01Z by source poll, path profile."),
            "{told}"
        );
        assert!(told.contains("It came late"), "{told}");
        assert!(!told.contains('\u{1b}'));
        let (first, later) = (told.find("First.").unwrap(), told.find("Late.").unwrap());
        assert!(first < later, "{told}");
        assert!(!told.contains("Not accepted yet"));
    }

    #[test]
    fn why_a_prospect_is_still_invited() {
        let told = sentences(
            &json!({"id": "enr_1", "accountId": "acc_1", "campaignId": "c", "status": "CONNECTION_SENT",
                "invitedAt": "2026-05-01T00:00:00.000Z", "acceptedAt": null}),
            &json!({"id": "acc_1", "health": "CREDENTIALS", "healthReason": "the provider says so", "lastPollAt": null,
                "nextPollAt": "2026-05-03T00:00:00.000Z", "callsToday": 100, "dailyBudget": 100}),
        );
        for expected in [
            "No usable identity",
            "Not accepted yet",
            "not healthy (CREDENTIALS",
            "never polled",
            "due at 2026-05-03 00:00:00Z",
            "budget of 100 calls is used up",
            "No signals.",
            "No deliveries.",
        ] {
            assert!(told.contains(expected), "{expected}\n{told}");
        }
    }
}
