//! The request body, made from the stored event at each attempt.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::destination::DestinationKind;
use super::{sendpilot, slack};
use crate::domain::event::{EventBody, EventType, Prospect};

/// Why no request body can be made from an event. A later attempt would fail in the same way.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The enrollment and its person were erased by `DELETE /v1/enrollments/{id}`.
    #[error("The event was erased with its enrollment; there is nothing left to send")]
    Erased,
    /// SendPilot's format has no such event.
    #[error(
        "A sendpilot destination takes only linkedin.invite_accepted, not {0}; change its events"
    )]
    NotAnAccept(EventType),
    /// The stored event is not what its type says.
    #[error("The stored event can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// Makes the request body for a destination of this kind from the stored event. A `webhook` destination gets the stored text unchanged.
///
/// # Errors
/// [`RenderError`], after which the delivery is dead.
pub fn render(
    kind: DestinationKind,
    event_type: EventType,
    stored: String,
) -> Result<String, RenderError> {
    if is_erased(&stored)? {
        return Err(RenderError::Erased);
    }
    match (kind, event_type) {
        (DestinationKind::Webhook, _) => Ok(stored),
        (DestinationKind::Slack, _) => Ok(slack::message(event_type, &stored)?.to_string()),
        (DestinationKind::Sendpilot, EventType::InviteAccepted) => {
            Ok(sendpilot::accepted(&read(&stored)?)?)
        }
        (DestinationKind::Sendpilot, EventType::Test) => Ok(sendpilot::test(&read(&stored)?)?),
        (DestinationKind::Sendpilot, other) => Err(RenderError::NotAnAccept(other)),
    }
}

/// Parses a stored event.
pub(super) fn read<D: DeserializeOwned>(stored: &str) -> Result<EventBody<D>, serde_json::Error> {
    serde_json::from_str(stored)
}

/// Whether the person of an event was erased. Nothing of its data is left then.
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

/// Returns the address of the prospect's profile: the URL the prospect was enrolled with, or one made from the public identifier, or
/// one made from the provider id.
pub(super) fn profile_url(prospect: &Prospect) -> Option<String> {
    let given = prospect.linkedin_url.as_deref().map(str::trim);
    given
        .and_then(|text| {
            web_url(text).or_else(|| {
                // People leave out the scheme. A text with a host and a path is taken for an address.
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
        .or_else(|| {
            // LinkedIn accepts a provider id in place of the public identifier.
            let id = prospect.provider_id.as_deref()?;
            let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            let plain = id.starts_with("ACo") && id.bytes().all(base64url);
            plain.then(|| format!("https://www.linkedin.com/in/{id}"))
        })
}

fn web_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn accept(prospect: &Value) -> String {
        json!({
            "id": "evt_1", "type": "linkedin.invite_accepted", "timestamp": "2026-05-02T15:14:08.120Z",
            "workspaceId": "ws_default",
            "data": {
                "dedupeKey": "li-accept:acc_1:enr_1", "enrollmentId": "enr_1", "linkedinAccountId": "acc_1",
                "campaignId": "unassigned", "campaignName": null, "prospect": prospect,
                "invitedAt": null, "acceptedAt": "2026-05-02T15:14:06.000Z", "acceptedAtPrecision": "exact",
                "detectedAt": "2026-05-02T15:14:08.000Z", "secondsToAccept": null, "source": "poll", "path": "direct",
                "viaSibling": false, "preConnected": false, "late": false, "backfill": false, "repliedAt": null,
                "nextStepAt": null
            }
        })
        .to_string()
    }

    #[test]
    fn a_webhook_gets_the_stored_event_unchanged() {
        let odd = "{ \"data\": {} ,\t\"é\": 1.50}";
        let body = render(
            DestinationKind::Webhook,
            EventType::InviteAccepted,
            odd.to_owned(),
        );
        assert_eq!(body.expect("rendered"), odd);
    }

    #[test]
    fn sendpilot_gets_a_url_or_null() {
        for (given, identifier, id, url) in [
            (
                Some("https://linkedin.com/in/X?y=1"),
                Some("x"),
                None,
                Some("https://linkedin.com/in/X?y=1"),
            ),
            (
                Some("www.linkedin.com/in/x"),
                None,
                None,
                Some("https://www.linkedin.com/in/x"),
            ),
            (
                Some("in/x"),
                Some("x"),
                None,
                Some("https://www.linkedin.com/in/x"),
            ),
            (
                Some("javascript:alert(1)"),
                Some("é/ü"),
                None,
                Some("https://www.linkedin.com/in/%C3%A9%2F%C3%BC"),
            ),
            (
                None,
                Some("tomas-brandt"),
                Some("ACoAAA"),
                Some("https://www.linkedin.com/in/tomas-brandt"),
            ),
            (
                None,
                None,
                Some("ACoAAA"),
                Some("https://www.linkedin.com/in/ACoAAA"),
            ),
            (None, None, Some("ACoAA/../x"), None),
            (None, None, Some("ACwAAA"), None),
            (Some(""), None, None, None),
        ] {
            let prospect = json!({"name": null, "headline": null, "company": null, "linkedinUrl": given,
                                  "publicIdentifier": identifier, "providerId": id});
            let body = render(
                DestinationKind::Sendpilot,
                EventType::InviteAccepted,
                accept(&prospect),
            );
            let body: Value = serde_json::from_str(&body.expect("rendered")).expect("JSON");
            assert_eq!(body["data"]["linkedinUrl"], json!(url), "{given:?}");
            assert_eq!(body["data"]["campaignId"], "unassigned");
            assert_eq!(body["timestamp"], "2026-05-02T15:14:08.000Z");
        }
    }

    #[test]
    fn an_event_that_cannot_be_rendered_is_an_error() {
        let none = json!({"name": null, "headline": null, "company": null, "linkedinUrl": null,
                          "publicIdentifier": null, "providerId": null});
        for kind in [
            DestinationKind::Webhook,
            DestinationKind::Slack,
            DestinationKind::Sendpilot,
        ] {
            for gone in ["", "null", "{}", r#"{"data": null}"#] {
                let erased = render(kind, EventType::InviteAccepted, gone.to_owned());
                assert!(matches!(erased, Err(RenderError::Erased)), "{gone}");
            }
        }
        let reply = render(
            DestinationKind::Sendpilot,
            EventType::ReplyReceived,
            accept(&none),
        );
        assert!(matches!(reply, Err(RenderError::NotAnAccept(_))));
        let odd = render(
            DestinationKind::Slack,
            EventType::InviteAccepted,
            r#"{"data": 1}"#.to_owned(),
        );
        assert!(matches!(odd, Err(RenderError::Unreadable(_))));
    }
}
