//! Classifies the errors of API v1.

use std::time::Duration;

use serde_json::Value;

use crate::provider::error::CallError;

/// The setting that holds the key of API v1.
const KEY_SETTING: &str = "unipile.api_key";

/// What a call asked for. It decides what a 404 or a 400 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    /// A page of the relations list.
    Relations {
        /// Whether the request carried a cursor.
        cursor: bool,
    },
    /// A profile.
    Profile,
    /// A page of the sent invitations.
    SentInvitations {
        /// Whether the request carried a cursor.
        cursor: bool,
    },
    /// Webhooks and the account list. These calls name no account.
    Core,
}

/// The useful parts of an error body `{title, type, status, detail?, instance?}`. Each may be missing.
#[derive(Debug, Default)]
struct ErrorBody {
    kind: Option<String>,
    text: String,
}

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        Self {
            // Cut, so that no answer can flood a log line or a column.
            kind: (!kind.is_empty()).then(|| kind.chars().take(80).collect()),
            text: format!("{} {}", text("title"), text("detail")).to_lowercase(),
        }
    }

    /// Returns whether the error is about the account and not about a profile.
    fn about_account(&self) -> bool {
        self.text.contains("account")
            && !["user", "profile", "recipient"]
                .iter()
                .any(|word| self.text.contains(word))
    }

    /// Returns the `type` without its prefix.
    fn type_name(&self) -> &str {
        let kind = self.kind.as_deref().unwrap_or_default();
        kind.rsplit('/').next().unwrap_or(kind)
    }
}

/// Classifies an answer that is not a success.
///
/// - **401** `missing_credentials` and `insufficient_privileges` (documented as "out of your scopes") are about our key; every
///   other type, known or unknown, is about the account. After a 401 without a type, the account backs off.
/// - **404** for the list means that the account is unknown. For a profile, the type `resource_not_found` is used for both, and the
///   detail tells them apart: it is "Account not found" for an account.
/// - **400, 410 and 422** for a profile are about that profile, so the account does not back off. The exception is a type that names a
///   limit: it is about the account.
/// - **400, 410 and 422** for a request with a cursor mean that the cursor is refused: nothing else in the request has changed since
///   the page before.
pub(super) fn judge(
    asked: CallKind,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> CallError {
    let problem = ErrorBody::read(body);
    let about_cursor = problem.type_name().contains("cursor") || problem.text.contains("cursor");
    let other = |kind| CallError::Provider {
        status,
        kind,
        retry_after,
    };
    match (status, asked) {
        (429, _) => CallError::Throttled { retry_after },
        (401, _) => match problem.type_name() {
            "missing_credentials" | "insufficient_privileges" => CallError::WrongKey {
                kind: problem.kind.unwrap_or_default(),
                setting: KEY_SETTING,
            },
            "" => other(None),
            // These calls name no account, so every refusal concerns the key.
            _ if asked == CallKind::Core => CallError::WrongKey {
                kind: problem.kind.unwrap_or_default(),
                setting: KEY_SETTING,
            },
            _ => CallError::Disconnected {
                status,
                kind: problem.kind,
            },
        },
        (
            400 | 404 | 410 | 422,
            CallKind::Relations { cursor: true } | CallKind::SentInvitations { cursor: true },
        ) if about_cursor || status != 404 => CallError::CursorExpired { status },
        (403, CallKind::Relations { .. } | CallKind::Profile)
        | (404, CallKind::Relations { .. }) => CallError::Disconnected {
            status,
            kind: problem.kind,
        },
        (404, CallKind::Profile) if problem.about_account() => CallError::Disconnected {
            status,
            kind: problem.kind,
        },
        (404, _) => CallError::NotFound,
        (400 | 410 | 422, CallKind::Profile) if !problem.type_name().contains("limit") => {
            CallError::NotFound
        }
        _ => other(problem.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_ONE: CallKind = CallKind::Relations { cursor: false };
    const PAGE_TWO: CallKind = CallKind::Relations { cursor: true };

    fn judged(asked: CallKind, status: u16, kind: &str, detail: &str) -> CallError {
        let body =
            serde_json::json!({"title": "T", "type": kind, "status": status, "detail": detail});
        judge(asked, status, None, body.to_string().as_bytes())
    }

    #[test]
    fn a_401_is_about_our_key_or_about_the_account() {
        let wrong_key = judged(PAGE_ONE, 401, "errors/missing_credentials", "");
        assert!(matches!(wrong_key, CallError::WrongKey { .. }));
        for kind in [
            "disconnected_account",
            "expired_credentials",
            "checkpoint_error",
            "something_new",
        ] {
            let error = judged(CallKind::Profile, 401, &format!("errors/{kind}"), "");
            assert!(
                matches!(error, CallError::Disconnected { status: 401, .. }),
                "{kind}"
            );
        }
        assert!(matches!(
            judge(PAGE_ONE, 401, None, b"<html>"),
            CallError::Provider { status: 401, .. }
        ));
    }

    #[test]
    fn a_404_is_about_the_account_or_about_the_profile() {
        let not_found = "errors/resource_not_found";
        assert!(matches!(
            judged(PAGE_ONE, 404, not_found, ""),
            CallError::Disconnected { .. }
        ));
        assert!(matches!(
            judged(CallKind::Profile, 404, not_found, "Account not found"),
            CallError::Disconnected { .. }
        ));
        assert_eq!(
            judged(CallKind::Profile, 404, not_found, "User not found"),
            CallError::NotFound
        );
        for kind in ["errors/invalid_recipient", "errors/something_new", ""] {
            assert_eq!(
                judged(CallKind::Profile, 422, kind, ""),
                CallError::NotFound,
                "{kind}"
            );
        }
        assert!(matches!(
            judged(CallKind::Profile, 422, "errors/limit_exceeded", ""),
            CallError::Provider { status: 422, .. }
        ));
    }

    #[test]
    fn a_refused_cursor_is_not_a_refused_account() {
        assert_eq!(
            judged(PAGE_TWO, 400, "errors/invalid_parameters", "Invalid cursor"),
            CallError::CursorExpired { status: 400 }
        );
        assert!(matches!(
            judged(
                PAGE_TWO,
                404,
                "errors/resource_not_found",
                "Account not found"
            ),
            CallError::Disconnected { .. }
        ));
        assert!(matches!(
            judged(PAGE_ONE, 400, "errors/invalid_parameters", ""),
            CallError::Provider { status: 400, .. }
        ));
    }

    #[test]
    fn any_status_and_any_body_are_judged() {
        for status in 100..=999 {
            for body in [&b""[..], b"[]", b"{\"type\": 7}", b"\xff\xfe"] {
                let _ = judge(CallKind::Profile, status, None, body).to_string();
            }
        }
    }
}
