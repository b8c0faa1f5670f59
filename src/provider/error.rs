//! What can come of a call that did not work: typed by the provider's own `type` and by the status, open to both being new.

use std::time::Duration;

use serde_json::Value;

/// The longest wait a `Retry-After` may ask for; anything longer is cut to it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Why a call brought nothing. The texts are for operators; none holds a key or an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// 429.
    #[error("the provider asks for fewer calls (429)")]
    Throttled {
        /// What the provider asked for.
        retry_after: Option<Duration>,
    },
    /// A 5xx, or any answer that is not explained by another variant. Throttling also shows as 500 `errors/provider_error`.
    #[error("the provider answered {status} ({})", kind.as_deref().unwrap_or("no type given"))]
    Provider {
        /// The status.
        status: u16,
        /// The provider's `type`, where it gave one.
        kind: Option<String>,
        /// What the provider asked for.
        retry_after: Option<Duration>,
    },
    /// The account can't be used: a 401 of any type that is not about our key, any 403, or a 404 that is about the account.
    #[error("the account can't be used: the provider answered {status} ({})", kind.as_deref().unwrap_or("no type given"))]
    Disconnected {
        /// The status.
        status: u16,
        /// The provider's `type`, where it gave one.
        kind: Option<String>,
    },
    /// 401 `errors/missing_credentials`: our own key is refused, whatever the account.
    #[error("the provider refuses our API key ({kind}): check unipile.api_key")]
    WrongKey {
        /// The provider's `type`.
        kind: String,
    },
    /// The body is not what it should be.
    #[error("the provider's answer can't be used: {0}")]
    Garbage(String),
    /// The provider takes the cursor no longer: the list has to be read from its start.
    #[error("the provider no longer takes the cursor ({status})")]
    CursorExpired {
        /// The status.
        status: u16,
    },
    /// There is no such profile, or none that this account can see.
    #[error("the provider knows no such profile")]
    NotFound,
    /// The same profile under its path with a slash: to be asked for with a new permit (contract section 9: a redirect that is
    /// followed is a call of its own).
    #[error("the provider redirects to the same path with a slash")]
    Redirect,
    /// The call did not leave in time after its permit, through no fault of the provider. Nothing was sent.
    #[error("the call could not leave within a second of its permit and was not made")]
    NotMade,
    /// No answer: refused, no such name, or cut off.
    #[error("the provider can't be reached: {detail}")]
    Unreachable {
        /// The cause.
        detail: String,
        /// Whether the request may have been sent.
        written: bool,
    },
    /// No whole answer within `unipile.timeout`.
    #[error("the provider did not answer in time (unipile.timeout)")]
    TimedOut,
}

impl CallError {
    /// The result that is counted.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "rate_limited",
            Self::Provider { .. } => "provider_error",
            Self::Disconnected { .. } => "disconnected",
            Self::WrongKey { .. } => "missing_credentials",
            Self::Garbage(_) => "garbage",
            Self::CursorExpired { .. } => "cursor_expired",
            Self::NotFound => "not_found",
            Self::Redirect => "redirect",
            Self::NotMade => "not_made",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut => "timeout",
        }
    }

    /// What the provider asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } | Self::Provider { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// What the call asked for: it decides what a 404 or a 400 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The relations list; `cursor` when a page after the first was asked for.
    Relations {
        /// Whether a cursor was sent.
        cursor: bool,
    },
    /// A profile.
    Profile,
    /// The webhooks; not about an account.
    Webhooks,
}

/// The parts of an error body `{title, type, status, detail?, instance?}` that say what happened. All of them may be missing.
#[derive(Debug, Default)]
struct Problem {
    kind: Option<String>,
    text: String,
}

impl Problem {
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

    /// Whether what was not found is the account.
    fn about_account(&self) -> bool {
        self.text.contains("account")
            && !["user", "profile", "recipient"]
                .iter()
                .any(|word| self.text.contains(word))
    }

    /// The `type` without its prefix.
    fn word(&self) -> &str {
        let kind = self.kind.as_deref().unwrap_or_default();
        kind.rsplit('/').next().unwrap_or(kind)
    }
}

/// Judges an answer that is not a success.
///
/// - **401** `missing_credentials` and `insufficient_privileges` (documented as "out of your scopes") are about our key; every
///   other type, known or not, is about the account. A 401 without any type is neither: it backs off.
/// - **404** of the list can only mean the account. Of a profile, the published type `resource_not_found` is used for both, and
///   the detail tells them apart: the provider writes "Account not found" for an account.
/// - **400, 410 and 422** to a request for a profile are about that profile (their types are an open set), so the account does not
///   back off for them; one that speaks of a limit is about the account.
/// - **400, 410 and 422** to a request with a cursor mean that the cursor is no longer taken: nothing else in the request can
///   have become wrong since the page before.
pub(super) fn judge(
    asked: Asked,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> CallError {
    let problem = Problem::read(body);
    let about_cursor = problem.word().contains("cursor") || problem.text.contains("cursor");
    let other = |kind| CallError::Provider {
        status,
        kind,
        retry_after,
    };
    match (status, asked) {
        (429, _) => CallError::Throttled { retry_after },
        (401, _) => match problem.word() {
            "missing_credentials" | "insufficient_privileges" => CallError::WrongKey {
                kind: problem.kind.unwrap_or_default(),
            },
            "" => other(None),
            // Calls about webhooks name no account, so any refusal is of the key.
            _ if asked == Asked::Webhooks => CallError::WrongKey {
                kind: problem.kind.unwrap_or_default(),
            },
            _ => CallError::Disconnected {
                status,
                kind: problem.kind,
            },
        },
        (400 | 404 | 410 | 422, Asked::Relations { cursor: true })
            if about_cursor || status != 404 =>
        {
            CallError::CursorExpired { status }
        }
        (403, Asked::Relations { .. } | Asked::Profile) | (404, Asked::Relations { .. }) => {
            CallError::Disconnected {
                status,
                kind: problem.kind,
            }
        }
        (404, Asked::Profile) if problem.about_account() => CallError::Disconnected {
            status,
            kind: problem.kind,
        },
        (404, _) => CallError::NotFound,
        (400 | 410 | 422, Asked::Profile) if !problem.word().contains("limit") => {
            CallError::NotFound
        }
        _ => other(problem.kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_ONE: Asked = Asked::Relations { cursor: false };
    const PAGE_TWO: Asked = Asked::Relations { cursor: true };

    fn judged(asked: Asked, status: u16, kind: &str, detail: &str) -> CallError {
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
            let error = judged(Asked::Profile, 401, &format!("errors/{kind}"), "");
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
            judged(Asked::Profile, 404, not_found, "Account not found"),
            CallError::Disconnected { .. }
        ));
        assert_eq!(
            judged(Asked::Profile, 404, not_found, "User not found"),
            CallError::NotFound
        );
        for kind in ["errors/invalid_recipient", "errors/something_new", ""] {
            assert_eq!(
                judged(Asked::Profile, 422, kind, ""),
                CallError::NotFound,
                "{kind}"
            );
        }
        assert!(matches!(
            judged(Asked::Profile, 422, "errors/limit_exceeded", ""),
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
                let _ = judge(Asked::Profile, status, None, body).to_string();
            }
        }
    }
}
