//! Errors of the HTTP API: problem bodies as RFC 9457 describes them, and the one policy of what an error becomes.
//!
//! | error | made by | status | log |
//! |---|---|---|---|
//! | a field that can't be read, or an impossible value ([`BadInput`]) | readers of requests, the domain, the store | 422; 400 for a provider's webhook | nothing; one line for a webhook |
//! | no such resource ([`store::Error::NotFound`]) | the store; a handler for what only the configuration knows | 404 | nothing |
//! | a state that does not allow it ([`store::Error::Conflict`]) | the domain and the store, with a kind that programs can branch on | 409 | nothing |
//! | the database can't be used ([`store::Error::Unavailable`]) | the store | 503 with `Retry-After` | warning |
//! | too many queries, or one that is too long ([`store::Error::Busy`]) | the store | 503 with `Retry-After` | warning |
//! | a defect ([`store::Error::Internal`], a panic) | the store, the router | 500 without details | error |
//! | who may ask (401, 403), size and speed of a body (408, 413), too many streams (429) | the guards before a handler | as named | by the guard, at a bounded rate |
//!
//! A handler passes errors on with `?`. It makes a [`Problem`] itself only for what it alone can know: [`Problem::invalid`] for a
//! parameter and [`Problem::not_found`] for a configured name. No detail quotes a secret or the text of a message.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;

use crate::api;
use crate::domain::bad_input::BadInput;
use crate::store;

/// The media type of problem bodies.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// When a client should try again after a 503, in seconds.
const RETRY_AFTER_S: &str = "5";

/// An answer that reports an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    status: StatusCode,
    kind: Cow<'static, str>,
    title: Cow<'static, str>,
    detail: String,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem that its status describes. `detail` is one sentence for a person.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            kind: Cow::Borrowed("about:blank"),
            title: Cow::Borrowed(status.canonical_reason().unwrap_or("Error")),
            detail: detail.into(),
            field: None,
            headers: Vec::new(),
        }))
    }

    /// Sets the type, such as `no-usable-prospects`, so that programs can branch on it.
    #[must_use]
    pub fn of_kind(mut self, kind: &'static str, title: &'static str) -> Self {
        self.0.kind = Cow::Borrowed(kind);
        self.0.title = Cow::Borrowed(title);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// 404: there is no such route or resource.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 409: the state does not allow it.
    pub fn conflict(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail).of_kind(kind, "Conflict")
    }

    /// 422: a field or parameter can't be read or is impossible.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::from(BadInput::field(field, detail))
    }

    /// 400: a provider's body that can't be used.
    #[must_use]
    pub fn bad_webhook(bad: BadInput) -> Self {
        let mut problem = Self::new(StatusCode::BAD_REQUEST, bad.detail);
        problem.0.field = bad.field;
        problem
    }

    /// 413: the body is larger than `max_body` bytes; the connection is closed.
    #[must_use]
    pub fn too_large(max_body: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {max_body} bytes (server.max_body)."),
        )
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 408: the body did not arrive in time; the connection is closed.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not arrive in time.",
        )
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 503: the body was given up because others needed its memory; the connection is closed.
    #[must_use]
    pub fn gave_way() -> Self {
        Self::unavailable("Too many bodies are being read at the same time. Send this one again.")
            .with_header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 503: try again soon.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S))
    }

    /// 500: a defect. The log has the details, the answer has none.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong in the daemon. Its log says what.",
        )
    }

    /// The status it answers with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl From<BadInput> for Problem {
    fn from(bad: BadInput) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, bad.detail);
        problem.0.field = bad.field;
        problem
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(why) => {
                tracing::warn!(%why, "database can't be used");
                Self::unavailable("The database can't be used right now. Try again.")
            }
            store::Error::Busy(detail) => {
                tracing::warn!(%detail, "query refused or stopped");
                Self::unavailable(detail)
            }
            store::Error::NotFound(detail) => Self::not_found(detail),
            store::Error::Conflict { kind, detail } => Self::conflict(kind, detail),
            store::Error::BadInput(bad) => bad.into(),
            store::Error::Internal(why) => {
                tracing::error!(%why, "request failed");
                Self::internal()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let problem = *self.0;
        let body = api::problem::Problem {
            kind: problem.kind.into_owned(),
            title: problem.title.into_owned(),
            status: problem.status.as_u16(),
            detail: problem.detail,
            field: problem.field,
        };
        let text = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = problem.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in problem.headers {
            headers.insert(name, value);
        }
        response
    }
}
