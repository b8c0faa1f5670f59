//! The body of a request, made from the stored event at each attempt.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::destination::Kind;
use super::{sendpilot, slack};
use crate::domain::event::{EventBody, Prospect};
use crate::domain::words::EventType;

/// Why an event can't be put into the words of a destination. No later attempt can change it.
#[derive(Debug, thiserror::Error)]
pub enum Unrenderable {
    /// The person was erased (contract section 8, `DELETE /v1/enrollments/{id}`).
    #[error("The event was erased with its enrollment; there is nothing left to send")]
    Erased,
    /// SendPilot has no word for it.
    #[error("A sendpilot destination takes accepts only, not {0}")]
    NotAnAccept(EventType),
    /// The stored event can't be understood.
    #[error("The stored event can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// The request body for a destination of this kind. `stored` is the event as it lies in the outbox; a `webhook` gets it word
/// for word.
///
/// # Errors
/// [`Unrenderable`], which is final for the delivery.
pub fn render(kind: Kind, event_type: EventType, stored: &str) -> Result<String, Unrenderable> {
    if is_erased(stored)? {
        return Err(Unrenderable::Erased);
    }
    match (kind, event_type) {
        (Kind::Webhook, _) => Ok(stored.to_owned()),
        (Kind::Slack, _) => Ok(slack::message(event_type, stored)?.to_string()),
        (Kind::Sendpilot, EventType::InviteAccepted) => Ok(sendpilot::accepted(&read(stored)?)?),
        (Kind::Sendpilot, EventType::Test) => Ok(sendpilot::test(&read(stored)?)?),
        (Kind::Sendpilot, other) => Err(Unrenderable::NotAnAccept(other)),
    }
}

/// The stored event, typed.
pub(super) fn read<D: DeserializeOwned>(stored: &str) -> Result<EventBody<D>, serde_json::Error> {
    serde_json::from_str(stored)
}

/// What is left of an event whose person was erased has no data.
fn is_erased(stored: &str) -> Result<bool, serde_json::Error> {
    #[derive(Deserialize)]
    struct Rest {
        #[serde(default)]
        data: Option<serde::de::IgnoredAny>,
    }
    if stored.trim().is_empty() {
        return Ok(true);
    }
    Ok(serde_json::from_str::<Option<Rest>>(stored)?.is_none_or(|rest| rest.data.is_none()))
}

/// Where the prospect's profile is: the caller's URL, else one made from the public identifier, else none.
pub(super) fn profile_url(prospect: &Prospect) -> Option<String> {
    let given = prospect.linkedin_url.as_deref().map(str::trim);
    given
        .and_then(|text| {
            web_url(text).or_else(|| {
                // People write addresses without a scheme; only one that has a host and a path is meant as one.
                let bare = text.contains('.') && text.contains('/') && !text.contains(':');
                bare.then(|| web_url(&format!("https://{text}"))).flatten()
            })
        })
        .or_else(|| {
            let identifier = prospect.public_identifier.as_deref()?;
            let mut url = Url::parse("https://www.linkedin.com/in/").ok()?;
            url.path_segments_mut()
                .ok()?
                .pop_if_empty()
                .push(identifier);
            Some(url.into())
        })
}

fn web_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| text.to_owned())
}
