//! Classifies the errors of API v2 by the `type` in the body: `api/…` comes from Unipile, `provider/…` from LinkedIn.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::provider::error::CallError;
use crate::provider::json::text;

/// The setting that holds the key of API v2.
const KEY_SETTING: &str = "unipile_v2.api_key";

/// The longest `type` that is kept, in characters.
const TYPE_CHARS_MAX: usize = 80;

/// What a call asked for. It decides what a 403, a 404 or a 400 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    /// A page of the relations list.
    Relations {
        /// Whether the request continued a list.
        later: bool,
    },
    /// A page of the sent invitations.
    SentInvitations {
        /// Whether the request continued a list.
        later: bool,
    },
    /// A profile.
    Profile,
    /// A chat.
    Chat,
    /// Webhook endpoints and the account list. These calls name no account.
    Core,
}

/// Classifies an answer that is not a success, or a success whose body is an error.
///
/// - Types that name the key or the subscription concern every account.
/// - A **429** with a type `api/…` is the limit of the key; any other is LinkedIn's limit for the account.
/// - A **401**, a **403** and a **404** for the relations list mean that the account can't be used. For a profile or a chat, 403 and
///   404 mean that it can't be seen. For the sent invitations, only a 401 is about the account.
/// - A **400**, **410** or **422** for a later page means that the cursor is refused.
pub(super) fn judge(
    kind: CallKind,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> CallError {
    let fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    judge_fields(kind, status, retry_after, &fields)
}

/// Classifies an error whose body was parsed.
pub(super) fn judge_fields(
    kind: CallKind,
    status: u16,
    retry_after: Option<Duration>,
    fields: &Map<String, Value>,
) -> CallError {
    let type_name: Option<String> =
        text(fields, "type").map(|text| text.chars().take(TYPE_CHARS_MAX).collect());
    let (origin, word) = match type_name.as_deref().and_then(|text| text.split_once('/')) {
        Some((origin, word)) => (origin, word),
        None => ("", type_name.as_deref().unwrap_or_default()),
    };
    let other = |type_name| CallError::Provider {
        status,
        kind: type_name,
        retry_after,
    };
    let disconnected = |type_name| CallError::Disconnected {
        status,
        kind: type_name,
    };
    if about_key(kind, status, origin, word) {
        return CallError::WrongKey {
            kind: type_name.unwrap_or_else(|| status.to_string()),
            setting: KEY_SETTING,
        };
    }
    match (status, kind) {
        (429, _) if origin == "api" => CallError::KeyThrottled { retry_after },
        (429, _) => CallError::Throttled { retry_after },
        (401, _) if type_name.is_some() => disconnected(type_name),
        (
            400 | 410 | 422,
            CallKind::Relations { later: true } | CallKind::SentInvitations { later: true },
        ) => CallError::CursorExpired { status },
        (403, CallKind::Profile | CallKind::Chat) if origin == "provider" => CallError::NotFound,
        (403, CallKind::Relations { .. } | CallKind::Profile)
        | (404, CallKind::Relations { .. }) => disconnected(type_name),
        (404, CallKind::Profile) if names_account(fields) => disconnected(type_name),
        (404, _) => CallError::NotFound,
        (400 | 410 | 422, CallKind::Profile) if !word.contains("limit") => CallError::NotFound,
        _ => other(type_name),
    }
}

/// Returns whether an error concerns the API key and so every account.
fn about_key(kind: CallKind, status: u16, origin: &str, word: &str) -> bool {
    match (status, kind) {
        (401, CallKind::Core) => !word.is_empty(),
        (401, _) if origin == "api" => true,
        (403, CallKind::Core | CallKind::Relations { .. } | CallKind::Profile) => {
            origin == "api" && word == "insufficient_permissions"
        }
        _ => origin == "api" && matches!(word, "invalid_auth_format" | "inactive_subscription"),
    }
}

/// Returns whether a 404 is about the account and not about the profile.
fn names_account(fields: &Map<String, Value>) -> bool {
    let said =
        ["title", "detail"].map(|name| text(fields, name).unwrap_or_default().to_lowercase());
    let said = said.join(" ");
    said.contains("account") && !["user", "profile"].iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: CallKind = CallKind::Relations { later: false };
    const LATER: CallKind = CallKind::Relations { later: true };
    const SENT: CallKind = CallKind::SentInvitations { later: false };

    fn judged(kind: CallKind, status: u16, type_name: &str) -> CallError {
        let body = serde_json::json!({
            "object": "Error", "type": type_name, "status": status, "title": "T", "detail": "", "req_id": "req-1",
        });
        judge(kind, status, None, body.to_string().as_bytes())
    }

    #[test]
    fn each_type_concerns_the_key_the_account_or_what_was_asked_for() {
        for (kind, status, type_name, wanted) in [
            (
                FIRST,
                401,
                "api/missing_authorization",
                "missing_credentials",
            ),
            (
                FIRST,
                401,
                "api/expired_authorization",
                "missing_credentials",
            ),
            (FIRST, 400, "api/invalid_auth_format", "missing_credentials"),
            (
                FIRST,
                402,
                "api/inactive_subscription",
                "missing_credentials",
            ),
            (
                CallKind::Core,
                403,
                "api/insufficient_permissions",
                "missing_credentials",
            ),
            (FIRST, 401, "provider/invalid_authorization", "disconnected"),
            (FIRST, 401, "provider/something_new", "disconnected"),
            (FIRST, 403, "api/account_restricted", "disconnected"),
            (
                FIRST,
                403,
                "provider/insufficient_permissions",
                "disconnected",
            ),
            (FIRST, 404, "api/resource_not_found", "disconnected"),
            (SENT, 401, "provider/invalid_authorization", "disconnected"),
            (
                SENT,
                403,
                "provider/insufficient_permissions",
                "provider_error",
            ),
            (SENT, 404, "api/resource_not_found", "not_found"),
            (
                CallKind::Profile,
                403,
                "provider/insufficient_permissions",
                "not_found",
            ),
            (
                CallKind::Profile,
                404,
                "provider/resource_not_found",
                "not_found",
            ),
            (
                CallKind::Profile,
                422,
                "provider/unprocessable_entity",
                "not_found",
            ),
            (FIRST, 429, "api/too_many_requests", "key_rate_limited"),
            (FIRST, 429, "provider/too_many_requests", "rate_limited"),
            (FIRST, 429, "", "rate_limited"),
            (LATER, 400, "api/invalid_parameters", "cursor_expired"),
            (FIRST, 400, "api/invalid_parameters", "provider_error"),
            (FIRST, 500, "provider/server_error", "provider_error"),
            (FIRST, 504, "provider/timeout", "provider_error"),
        ] {
            let error = judged(kind, status, type_name);
            assert_eq!(
                error.result_label(),
                wanted,
                "{kind:?} {status} {type_name}"
            );
        }
    }

    #[test]
    fn any_status_and_any_body_are_judged() {
        for status in 100..=999 {
            for body in [
                &b""[..],
                b"[]",
                b"{\"type\": 7}",
                b"{\"type\": \"/\"}",
                b"\xff\xfe",
            ] {
                let _ = judge(CallKind::Profile, status, None, body).to_string();
            }
        }
    }
}
