//! Everything that can go wrong with a provider, on demand.

use std::time::Duration;

use super::answer::Answer;
use super::server::Api;
use super::v2;

/// What happens in place of the answer, or to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// An error with this status and `type` (without its prefix), and a `Retry-After` word for word.
    Error {
        /// The status.
        status: u16,
        /// Of API v1 the `type` without `errors/`, of API v2 all of it.
        kind: String,
        /// What is said about it.
        detail: String,
        /// The header's value.
        retry_after: Option<String>,
    },
    /// The head of the answer comes after this time of the provider's clock.
    SlowHead(Duration),
    /// Half of the body comes, and the rest after this time of the provider's clock.
    SlowBody(Duration),
    /// The connection is closed before any answer.
    CutHead,
    /// The connection is closed in the middle of the body.
    CutBody,
    /// 200 with a page of HTML.
    HtmlBody,
    /// 200 with JSON of another type than promised.
    WrongType,
    /// The relations list never ends: its last page leads to itself.
    Endless,
    /// Any cursor is refused.
    ExpiredCursor,
    /// A redirect to this place.
    RedirectTo(String),
}

impl Fault {
    /// An error without more about it.
    #[must_use]
    pub fn error(status: u16, kind: &str) -> Self {
        Self::Error {
            status,
            kind: kind.to_owned(),
            detail: String::new(),
            retry_after: None,
        }
    }

    /// Too many calls, with a `Retry-After` in seconds.
    #[must_use]
    pub fn throttled(retry_after_s: Option<u64>) -> Self {
        Self::Error {
            status: 429,
            kind: "too_many_requests".to_owned(),
            detail: "Too many requests.".to_owned(),
            retry_after: retry_after_s.map(|seconds| seconds.to_string()),
        }
    }

    /// What it does to an answer that would have been right.
    pub(super) fn apply(self, api: Api, mut answer: Answer) -> Answer {
        match self {
            Self::Error {
                status,
                kind,
                detail,
                retry_after,
            } => {
                let answer = match api {
                    Api::V1 => Answer::error(status, &kind, &detail),
                    Api::V2 => v2::error(status, &kind, &detail),
                };
                match retry_after {
                    Some(value) => answer.header("retry-after", &value),
                    None => answer,
                }
            }
            Self::SlowHead(wait) => {
                answer.before_head = wait;
                answer
            }
            Self::SlowBody(wait) => {
                answer.inside_body = wait;
                answer
            }
            Self::CutHead => {
                answer.cut_head = true;
                answer
            }
            Self::CutBody => {
                answer.cut_body = true;
                answer
            }
            Self::HtmlBody => {
                Answer::text(200, "text/html", "<html><body>Bad Gateway</body></html>")
            }
            Self::WrongType => Answer::json(200, &serde_json::json!([{"object": "Surprise"}])),
            Self::RedirectTo(place) => Answer::redirect(&place),
            // These two are about the list and done where it is made.
            Self::Endless | Self::ExpiredCursor => answer,
        }
    }
}

/// The kind of call a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `GET /api/v1/users/relations`.
    Relations,
    /// `GET /api/v1/users/{identifier}`.
    Profile,
    /// `POST /api/v1/users/invite`.
    Invite,
    /// Everything about webhooks.
    Webhooks,
    /// The list of sent invitations of API v2.
    SentInvitations,
    /// The list of accounts.
    Accounts,
    /// A chat of API v2.
    Chat,
}

/// When a fault happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// For which kind of call; `None` for every.
    pub route: Option<Route>,
    /// For which account; `None` for every.
    pub account: Option<String>,
    /// How often; `None` until it is cleared.
    pub times: Option<u32>,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// The next call, whatever it is.
    #[must_use]
    pub fn once(fault: Fault) -> Self {
        Self::times(1, fault)
    }

    /// The next so many calls.
    #[must_use]
    pub fn times(times: u32, fault: Fault) -> Self {
        Self {
            route: None,
            account: None,
            times: Some(times),
            fault,
        }
    }

    /// Every call from now on.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self {
            times: None,
            ..Self::once(fault)
        }
    }

    /// Only this kind of call.
    #[must_use]
    pub fn on(self, route: Route) -> Self {
        Self {
            route: Some(route),
            ..self
        }
    }

    /// Only calls for this account.
    #[must_use]
    pub fn of(self, account: &str) -> Self {
        Self {
            account: Some(account.to_owned()),
            ..self
        }
    }
}

/// The rules in force, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(pub Vec<Rule>);

impl Faults {
    /// The fault of the first rule that fits, which is then used up by one.
    pub fn take(&mut self, route: Option<Route>, account: Option<&str>) -> Option<Fault> {
        let place = self.0.iter().position(|rule| {
            // The account list is read at times of its own: a rule for any call does not mean it.
            (rule
                .route
                .map_or(route != Some(Route::Accounts), |named| Some(named) == route))
                && (rule.account.is_none() || rule.account.as_deref() == account)
        })?;
        let rule = &mut self.0[place];
        let fault = rule.fault.clone();
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(place);
            }
        }
        Some(fault)
    }
}
