//! The simulated provider's front door: who is let in, which route is meant, what is noted about it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, Response};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answer::Answer;
use super::calls::Call;
use super::faults::{Fault, Route};
use super::state::State;
use super::{invite, profile, relations, webhooks};
use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// The largest request body that is read, in bytes.
const REQUEST_BODY_MAX: usize = 1 << 20;

/// The state behind its lock, and the clock. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shared {
    pub state: Arc<Mutex<State>>,
    pub clock: Clock,
}

impl Shared {
    /// The state; a panic elsewhere does not make it useless.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way; its end is noted when told, or when it is dropped because the connection is gone.
pub(super) struct Under {
    shared: Shared,
    place: usize,
}

impl Under {
    pub fn answered(&mut self, status: u16) {
        if let Some(call) = self.shared.lock().calls.0.get_mut(self.place) {
            call.status = Some(status);
        }
    }

    /// Lets the caller wait for this long of the provider's time.
    pub async fn hold(&mut self, clock: &Clock, wait: Duration) {
        if !wait.is_zero() {
            let _held = Held::new(&self.shared);
            clock.sleep(wait).await;
        }
    }

    pub fn ended(&mut self) {
        let now = self.shared.clock.now();
        self.shared.lock().calls.end(self.place, now);
    }
}

/// A call that is kept waiting on purpose.
struct Held(Shared);

impl Held {
    fn new(shared: &Shared) -> Self {
        shared.lock().held += 1;
        Self(shared.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.lock().held -= 1;
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.ended();
    }
}

/// A request, read and split.
pub(super) struct ApiRequest {
    pub now: Timestamp,
    pub method: Method,
    /// The percent-decoded segments after `/api/v1`, empty ones included.
    pub segments: Vec<String>,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Option<Value>,
}

impl ApiRequest {
    pub fn param(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The account that the call names, in its query or its body.
    pub fn account(&self) -> Option<&str> {
        self.param("account_id")
            .or_else(|| self.body.as_ref()?.get("account_id")?.as_str())
    }

    fn route(&self) -> Option<Route> {
        let segments: Vec<_> = self.segments.iter().map(String::as_str).collect();
        match (&self.method, segments.as_slice()) {
            (&Method::GET, ["users", "relations"]) => Some(Route::Relations),
            (&Method::POST, ["users", "invite"]) => Some(Route::Invite),
            (&Method::GET, ["users", _] | ["users", _, ""]) => Some(Route::Profile),
            (_, ["webhooks", ..]) => Some(Route::Webhooks),
            _ => None,
        }
    }
}

/// Answers one request.
pub(super) async fn serve(shared: Shared, request: Request) -> Response<Body> {
    let started = shared.clock.now();
    let (head, body) = request.into_parts();
    let key = head
        .headers
        .get("x-api-key")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let raw_query = head.uri.query().unwrap_or_default();
    let body = to_bytes(body, REQUEST_BODY_MAX).await.unwrap_or_default();
    let path = head.uri.path().to_owned();
    let asked = ApiRequest {
        now: started,
        segments: segments(&path),
        query: url::form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect(),
        body: serde_json::from_slice(&body).ok(),
        method: head.method,
        path,
    };
    let (under, answer) = {
        let mut state = shared.lock();
        let place = state.calls.begin(Call {
            started,
            ended: None,
            overlapped: false,
            account: asked.account().map(str::to_owned),
            method: asked.method.to_string(),
            path: asked.path.clone(),
            query: raw_query.to_owned(),
            status: None,
        });
        let under = Under {
            shared: shared.clone(),
            place,
        };
        (under, judge(&mut state, &asked, key.as_deref()))
    };
    answer.send(shared.clock.clone(), under).await
}

fn segments(path: &str) -> Vec<String> {
    let Some(rest) = path.strip_prefix("/api/v1/") else {
        return Vec::new();
    };
    rest.split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect()
}

/// The answer that the provider's rules give, with what a fault does to it.
fn judge(state: &mut State, asked: &ApiRequest, key: Option<&str>) -> Answer {
    if key != Some(state.settings.api_key.as_str()) {
        return Answer::error(
            401,
            "missing_credentials",
            "Some credentials are necessary to perform the request.",
        );
    }
    let route = asked.route();
    let fault = state.faults.take(route, asked.account());
    let right = match route {
        Some(Route::Relations) => relations::list(state, asked, fault.as_ref()),
        Some(Route::Profile) => profile::get(state, asked),
        // A refused invite is not sent. After a 504 nobody knows, and this one was.
        Some(Route::Invite) => match fault {
            Some(Fault::Error { status, .. }) if status != 504 => Answer::error(status, "", ""),
            _ => invite::send(state, asked),
        },
        Some(Route::Webhooks) => webhooks::answer(state, asked),
        None => Answer::error(404, "resource_not_found", "Route not found"),
    };
    match fault {
        Some(fault) => fault.apply(right),
        None => right,
    }
}

/// What is said of an account that nobody connected.
pub(super) fn no_account() -> Answer {
    Answer::error(
        404,
        "resource_not_found",
        "The requested resource were not found.\nAccount not found",
    )
}

/// What is said of a request that lacks something.
pub(super) fn invalid(detail: &str) -> Answer {
    Answer::error(400, "invalid_parameters", detail)
}
