//! The label values that requests are counted by.

use crate::domain::signal::Outcome;

/// The result of a webhook request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookResult {
    /// 200: it was recorded, with this outcome.
    Stored(Outcome),
    /// 401: the signature or the header was wrong, or no secret is configured.
    Unauthorized,
    /// 400: the body can't be used.
    BadBody,
    /// 413.
    TooLarge,
    /// The body did not arrive in time, or the connection ended before it was whole.
    TooSlow,
    /// 503: it was not stored.
    Unavailable,
}

impl WebhookResult {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stored(outcome) => outcome.as_str(),
            Self::Unauthorized => "unauthorized",
            Self::BadBody => "bad_body",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Where a token was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// As the bearer token of a request.
    Bearer,
    /// At `/login`.
    Login,
    /// At `/metrics`.
    Metrics,
}

impl TokenUse {
    pub(super) const ALL: [Self; 3] = [Self::Bearer, Self::Login, Self::Metrics];

    /// Returns the value of the label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Login => "login",
            Self::Metrics => "metrics",
        }
    }
}
