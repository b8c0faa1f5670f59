//! The errors of provider calls, judged by the status and by the `type` in the error body. Both are open sets.

use std::time::Duration;

/// The longest wait a `Retry-After` may ask for; anything longer is cut to it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Why a provider call failed. The texts are for operators and contain no key and no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Status 429: the limit of one account.
    #[error("the provider asks for fewer calls (429)")]
    Throttled {
        /// The wait that the provider asked for.
        retry_after: Option<Duration>,
    },
    /// Status 429: a limit of our API key. This concerns every account.
    #[error("the provider asks for fewer calls with this API key (429)")]
    KeyThrottled {
        /// The wait that the provider asked for.
        retry_after: Option<Duration>,
    },
    /// A 5xx, or any answer that is not explained by another variant. Throttling also shows as 500 `errors/provider_error`.
    #[error("the provider answered {status} ({})", kind.as_deref().unwrap_or("no type given"))]
    Provider {
        /// The HTTP status.
        status: u16,
        /// The `type` in the error body, if there is one.
        kind: Option<String>,
        /// The wait that the provider asked for.
        retry_after: Option<Duration>,
    },
    /// The account can't be used: a 401 that is not about our key, any 403, or a 404 that is about the account.
    #[error("the account can't be used: the provider answered {status} ({})", kind.as_deref().unwrap_or("no type given"))]
    Disconnected {
        /// The HTTP status.
        status: u16,
        /// The `type` in the error body, if there is one.
        kind: Option<String>,
    },
    /// The provider refuses our API key: 401 `errors/missing_credentials` and similar. This concerns every account.
    #[error("the provider refuses our API key ({kind}): check {setting}")]
    WrongKey {
        /// The `type` in the error body.
        kind: String,
        /// The setting that holds the key.
        setting: &'static str,
    },
    /// The body can't be read as what was asked for.
    #[error("the provider's answer can't be used: {0}")]
    InvalidResponse(String),
    /// The provider refuses the cursor. The list has to be read from its start.
    #[error("the provider refuses the cursor ({status})")]
    CursorExpired {
        /// The HTTP status.
        status: u16,
    },
    /// The profile does not exist, or this account can't see it.
    #[error("the provider knows no such profile")]
    NotFound,
    /// The profile is at the same path with a slash at its end. Following the redirect is a call of its own and needs a new permit.
    #[error("the provider redirects to the same path with a slash")]
    Redirect,
    /// The request was not written within a second of its permit. Nothing was sent, and the provider is not at fault.
    #[error("the call could not leave within a second of its permit and was not made")]
    NotMade,
    /// No answer: the connection was refused or cut, or the name does not resolve.
    #[error("the provider can't be reached: {detail}")]
    Unreachable {
        /// The cause, for operators.
        detail: String,
        /// Whether the request may have been sent.
        written: bool,
    },
    /// No whole answer within `unipile.timeout`.
    #[error("the provider did not answer in time (unipile.timeout)")]
    TimedOut,
}

impl CallError {
    /// Returns the value of the `result` label in the metrics.
    #[must_use]
    pub fn result_label(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "rate_limited",
            Self::KeyThrottled { .. } => "key_rate_limited",
            Self::Provider { .. } => "provider_error",
            Self::Disconnected { .. } => "disconnected",
            Self::WrongKey { .. } => "missing_credentials",
            Self::InvalidResponse(_) => "invalid_response",
            Self::CursorExpired { .. } => "cursor_expired",
            Self::NotFound => "not_found",
            Self::Redirect => "redirect",
            Self::NotMade => "not_made",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut => "timeout",
        }
    }

    /// Returns the wait that the provider asked for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after }
            | Self::KeyThrottled { retry_after }
            | Self::Provider { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
