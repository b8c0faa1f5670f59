//! Events as Slack messages: Block Kit sections in mrkdwn with a `text` fallback. Slack's documentation limits a message to 50 blocks and
//! a section to 3,000 characters.
//!
//! Names and headlines are written by strangers. They are put on one line, cut and escaped, so that they can't mention a channel, forge
//! a line or break a link. Sections are `verbatim`, so Slack makes no links by itself.

use serde_json::{Value, json};
use url::Url;

use super::phrases;
use super::render::{profile_url, read};
use crate::domain::event::{
    DisconnectedData, EventBody, EventType, InviteData, Prospect, TestData,
};
use crate::domain::signal::Precision;
use crate::domain::time::Timestamp;

/// The most UTF-16 units of a section that one foreign text takes when it is escaped. A section has at most four such texts and a link,
/// which together stay below 3,000.
const FOREIGN_UNITS_MAX: usize = 500;

/// The longest link, in characters. If an address is longer, the name is shown without a link.
const LINK_CHARS_MAX: usize = 800;

/// Makes the message for a stored event.
///
/// # Errors
/// If the stored event is not what its type says.
pub fn message(event_type: EventType, stored: &str) -> Result<Value, serde_json::Error> {
    Ok(match event_type {
        EventType::InviteAccepted => accepted(&read(stored)?),
        EventType::ReplyReceived => replied(&read(stored)?),
        EventType::NextStepDue => step_due(&read(stored)?),
        EventType::InviteNotAccepted => not_accepted(&read(stored)?),
        EventType::AccountDisconnected => disconnected(&read(stored)?),
        EventType::Test => test(&read(stored)?),
    })
}

fn accepted(event: &EventBody<InviteData>) -> Value {
    let data = &event.data;
    let did = if data.pre_connected {
        "was already connected"
    } else {
        "accepted the invitation"
    };
    let mut sections = vec![
        person(&data.prospect, ":handshake:", did),
        about(data, |lines| {
            lines.push(format!("*Detected by:* {}", detection(data)));
            lines.push(format!("*Time to accept:* {}", time_to_accept(data)));
            lines.push(accepted_at(data));
        }),
    ];
    sections.extend(remarks(data));
    let mut text = format!("{} {did} ({})", name(&data.prospect), campaign(data));
    if data.late {
        text.push_str(", late");
    }
    block_kit(&text, sections)
}

fn replied(event: &EventBody<InviteData>) -> Value {
    let data = &event.data;
    let mut sections = vec![person(&data.prospect, ":speech_balloon:", "replied")];
    let preview = data
        .message_preview
        .iter()
        .flatten()
        .map(|text| foreign(text));
    // A reply that is only a picture has an empty preview.
    sections.extend(
        preview
            .filter(|text| !text.is_empty())
            .map(|text| format!("> {text}")),
    );
    sections.push(about(data, |lines| {
        if let Some(at) = data.replied_at {
            lines.push(format!("*Replied:* {}", date(at)));
        }
    }));
    sections.extend(remarks(data));
    let text = format!("{} replied ({})", name(&data.prospect), campaign(data));
    block_kit(&text, sections)
}

fn step_due(event: &EventBody<InviteData>) -> Value {
    let data = &event.data;
    let sections = vec![
        person(
            &data.prospect,
            ":arrow_forward:",
            "is due for the next step",
        ),
        about(data, |lines| lines.push(accepted_at(data))),
    ];
    let text = format!(
        "The next step is due for {} ({})",
        name(&data.prospect),
        campaign(data)
    );
    block_kit(&text, sections)
}

fn not_accepted(event: &EventBody<InviteData>) -> Value {
    let data = &event.data;
    let sections = vec![
        person(
            &data.prospect,
            ":hourglass:",
            "has not accepted the invitation",
        ),
        about(data, |lines| {
            if let Some(at) = data.invited_at {
                let open = phrases::span(seconds_between(at, event.timestamp));
                lines.push(format!("*Invited:* {}, {open} ago", date(at)));
            }
        }),
    ];
    let text = format!(
        "{} has not accepted the invitation ({})",
        name(&data.prospect),
        campaign(data)
    );
    block_kit(&text, sections)
}

fn disconnected(event: &EventBody<DisconnectedData>) -> Value {
    let data = &event.data;
    let account = foreign(data.linkedin_account_id.as_str());
    let waiting = match data.open_enrollments {
        1 => "1 open enrollment waits".to_owned(),
        n => format!("{n} open enrollments wait"),
    };
    let sections = vec![
        format!(":warning: *LinkedIn account {account} is disconnected*"),
        format!(
            "*Reason:* {}\n*Since:* {}\n{waiting} for it. Reconnect it at the provider; until then accepts may come late.",
            foreign(&data.reason),
            date(data.since)
        ),
    ];
    block_kit(
        &format!(
            "LinkedIn account {account} is disconnected: {}",
            foreign(&data.reason)
        ),
        sections,
    )
}

fn test(event: &EventBody<TestData>) -> Value {
    let text = format!(
        "This is a test of acceptd's destination {}. It works.",
        foreign(&event.data.destination)
    );
    block_kit(&text, vec![format!(":white_check_mark: {text}")])
}

/// Makes the first section: the linked name, what happened, headline and company.
fn person(prospect: &Prospect, emoji: &str, did: &str) -> String {
    let name = name(prospect);
    let who = match link(prospect) {
        Some(url) => format!("<{url}|{}>", name.replace('|', "¦")),
        None => name,
    };
    let mut text = format!("{emoji} *{who}* {did}");
    let known: Vec<_> = [&prospect.headline, &prospect.company]
        .into_iter()
        .flatten()
        .map(|known| foreign(known))
        .filter(|known| !known.is_empty())
        .collect();
    if !known.is_empty() {
        text.push('\n');
        text.push_str(&known.join(" · "));
    }
    text
}

/// Makes the second section: campaign, account, and what `more` adds.
fn about(data: &InviteData, more: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines = vec![
        format!("*Campaign:* {}", campaign(data)),
        format!("*Account:* {}", foreign(data.linkedin_account_id.as_str())),
    ];
    more(&mut lines);
    lines.join("\n")
}

/// Makes the last section, which says what is unusual about an accept.
fn remarks(data: &InviteData) -> Option<String> {
    let mut lines = Vec::new();
    if data.pre_connected {
        lines.push(":link: *Pre-connected:* the two were connected before the invitation.");
    }
    if data.late {
        lines.push(":hourglass: *Late:* the campaign no longer waited for this accept; no next step is queued.");
    }
    if data.backfill {
        lines.push(
            ":card_index_dividers: *Backfill:* it was accepted some time ago and found only now.",
        );
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn detection(data: &InviteData) -> String {
    let mut text = data
        .source
        .map_or("an unknown source", phrases::source)
        .to_owned();
    if let Some(path) = data.path {
        text.push_str(", matched by ");
        text.push_str(phrases::path(path));
    }
    if data.via_sibling {
        text.push_str(", seen by another account of the workspace");
    }
    let words: Vec<_> = data
        .source
        .map(|source| format!("`{source}`"))
        .into_iter()
        .chain(data.path.map(|path| format!("`{path}`")))
        .collect();
    if !words.is_empty() {
        text.push_str(&format!(" ({})", words.join(", ")));
    }
    text
}

fn time_to_accept(data: &InviteData) -> String {
    match data.seconds_to_accept {
        Some(seconds) => phrases::span(seconds),
        None if data.pre_connected => "connected before the invitation".to_owned(),
        None => "unknown".to_owned(),
    }
}

fn accepted_at(data: &InviteData) -> String {
    let Some(at) = data.accepted_at else {
        return "*Accepted:* not yet".to_owned();
    };
    let how = match data.accepted_at_precision {
        Some(Precision::UpperBound) => " or before",
        Some(Precision::Inferred) => " or before, inferred",
        Some(Precision::Exact) | None => "",
    };
    let lag = data
        .detected_at
        .map(|detected| phrases::span(seconds_between(at, detected)))
        .filter(|lag| lag != "0 s")
        .map(|lag| format!(", found {lag} later"))
        .unwrap_or_default();
    format!("*Accepted:* {}{how}{lag}", date(at))
}

fn name(prospect: &Prospect) -> String {
    [&prospect.name, &prospect.public_identifier]
        .into_iter()
        .flatten()
        .map(|known| foreign(known))
        .find(|known| !known.is_empty())
        .unwrap_or_else(|| "A prospect without a name".to_owned())
}

fn campaign(data: &InviteData) -> String {
    let named = data.campaign_name.as_deref().map(foreign);
    named
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| foreign(data.campaign_id.as_str()))
}

/// Returns the escaped address of the profile for a link.
fn link(prospect: &Prospect) -> Option<String> {
    let given = profile_url(prospect).and_then(|url| Url::parse(&url).ok());
    let url = given.filter(is_linkedin).or_else(|| {
        let known = Prospect {
            linkedin_url: None,
            ..prospect.clone()
        };
        Url::parse(&profile_url(&known)?).ok()
    })?;
    // `Url` does not encode `|`, which ends the address in Slack's link syntax.
    let url = escape(&url.as_str().replace('|', "%7C"));
    (url.chars().count() <= LINK_CHARS_MAX).then_some(url)
}

/// Whether an address leads to LinkedIn. Others are not linked, because a stranger may have written them to have them clicked.
fn is_linkedin(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && (host == "linkedin.com" || host.ends_with(".linkedin.com"))
}

fn date(at: Timestamp) -> String {
    let text = at.rfc3339();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => text,
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> i64 {
    i64::try_from(to.since(from).as_secs()).unwrap_or(i64::MAX)
}

/// Puts a foreign text on one line, cuts it and escapes it.
fn foreign(text: &str) -> String {
    let line = phrases::one_line(text);
    let mut out = String::new();
    let mut units = 0;
    for c in line.chars() {
        let escaped = escaped(c);
        units += escaped.map_or(c.len_utf16(), str::len);
        if units >= FOREIGN_UNITS_MAX {
            out.push('…');
            break;
        }
        match escaped {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    out
}

fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, c| {
            match escaped(c) {
                Some(entity) => out.push_str(entity),
                None => out.push(c),
            }
            out
        })
}

fn escaped(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn block_kit(text: &str, sections: Vec<String>) -> Value {
    let blocks: Vec<_> = sections
        .into_iter()
        .map(|text| {
            json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
        })
        .collect();
    json!({"text": text, "blocks": blocks})
}

#[cfg(test)]
#[path = "slack_tests.rs"]
mod tests;
