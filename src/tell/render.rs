//! The body of a request, made from the stored event at each attempt.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::destination::Kind;
use super::{sendpilot, slack};
use crate::domain::event::{EventBody, EventType, Prospect};

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

/// Where the prospect's profile is: the caller's URL, else one made from the public identifier or from a profile id, else none.
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
        .or_else(|| {
            // A profile id takes the place of the public identifier in LinkedIn's addresses.
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
    fn a_webhook_is_the_stored_event_word_for_word() {
        let odd = "{ \"data\": {} ,\t\"é\": 1.50}";
        let body = render(Kind::Webhook, EventType::InviteAccepted, odd);
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
                Kind::Sendpilot,
                EventType::InviteAccepted,
                &accept(&prospect),
            );
            let body: Value = serde_json::from_str(&body.expect("rendered")).expect("JSON");
            assert_eq!(body["data"]["linkedinUrl"], json!(url), "{given:?}");
            assert_eq!(body["data"]["campaignId"], "unassigned");
            assert_eq!(body["timestamp"], "2026-05-02T15:14:08.000Z");
        }
    }

    #[test]
    fn what_cannot_be_said_is_an_error_and_no_panic() {
        let none = json!({"name": null, "headline": null, "company": null, "linkedinUrl": null,
                          "publicIdentifier": null, "providerId": null});
        for kind in [Kind::Webhook, Kind::Slack, Kind::Sendpilot] {
            for gone in ["", "null", "{}", r#"{"data": null}"#] {
                let erased = render(kind, EventType::InviteAccepted, gone);
                assert!(matches!(erased, Err(Unrenderable::Erased)), "{gone}");
            }
        }
        let reply = render(Kind::Sendpilot, EventType::ReplyReceived, &accept(&none));
        assert!(matches!(reply, Err(Unrenderable::NotAnAccept(_))));
        let odd = render(Kind::Slack, EventType::InviteAccepted, r#"{"data": 1}"#);
        assert!(matches!(odd, Err(Unrenderable::Unreadable(_))));
    }
}
