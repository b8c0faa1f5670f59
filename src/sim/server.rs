//! The simulated provider's front door: who is let in, which route is meant, what is noted about it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, Response, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answer::Answer;
use super::calls::Call;
use super::faults::{Fault, Route};
use super::state::State;
use super::{accounts, invite, profile, relations, v2, webhooks};
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

/// The API that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    V1,
    V2,
}

/// A request, read and split.
pub(super) struct ApiRequest {
    pub now: Timestamp,
    pub api: Api,
    pub method: Method,
    /// The percent-decoded segments after `/api/v1` or `/v2`, empty ones included.
    pub segments: Vec<String>,
    /// The value of `Cache-Control`.
    pub cache_control: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Option<Value>,
}

impl ApiRequest {
    pub fn param(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The account that the call names, by the name that the world knows it by: both APIs act on one account.
    fn account(&self, state: &State) -> Option<String> {
        match self.api {
            Api::V1 => self.named_account().map(str::to_owned),
            Api::V2 => {
                let id = v2::account_id(self)?;
                Some(
                    state
                        .v2
                        .accounts
                        .get(id)
                        .cloned()
                        .unwrap_or_else(|| id.to_owned()),
                )
            }
        }
    }

    /// The account that the query or the body names.
    fn named_account(&self) -> Option<&str> {
        self.param("account_id")
            .or_else(|| self.body.as_ref()?.get("account_id")?.as_str())
    }

    fn route(&self) -> Option<Route> {
        if self.api == Api::V2 {
            return v2::route(self);
        }
        let segments: Vec<_> = self.segments.iter().map(String::as_str).collect();
        match (&self.method, segments.as_slice()) {
            (&Method::GET, ["users", "relations"]) => Some(Route::Relations),
            (&Method::POST, ["users", "invite"]) => Some(Route::Invite),
            (&Method::GET, ["users", _] | ["users", _, ""]) => Some(Route::Profile),
            (_, ["webhooks", ..]) => Some(Route::Webhooks),
            (&Method::GET, ["accounts"] | ["accounts", _]) => Some(Route::Accounts),
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
    let cache_control = head
        .headers
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (api, segments) = segments(&path);
    let asked = ApiRequest {
        now: started,
        api,
        segments,
        cache_control,
        query: url::form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect(),
        body: serde_json::from_slice(&body).ok(),
        method: head.method,
        path,
    };
    let (under, answer) = {
        let mut state = shared.lock();
        let account = asked.account(&state);
        let place = state.calls.begin(Call {
            started,
            ended: None,
            overlapped: false,
            account,
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

fn segments(path: &str) -> (Api, Vec<String>) {
    let (api, rest) = match (path.strip_prefix("/api/v1/"), path.strip_prefix("/v2/")) {
        (Some(rest), _) => (Api::V1, rest),
        (_, Some(rest)) => (Api::V2, rest),
        _ => return (Api::V1, Vec::new()),
    };
    let decoded = rest
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned());
    (api, decoded.collect())
}

/// The answer that the provider's rules give, with what a fault does to it.
fn judge(state: &mut State, asked: &ApiRequest, key: Option<&str>) -> Answer {
    if asked.api == Api::V2 {
        return judge_v2(state, asked, key);
    }
    if key != Some(state.settings.api_key.as_str()) {
        return Answer::error(
            401,
            "missing_credentials",
            "Some credentials are necessary to perform the request.",
        );
    }
    let route = asked.route();
    let fault = state.faults.take(route, asked.account(state).as_deref());
    let right = match route {
        Some(Route::Relations) => relations::list(state, asked, fault.as_ref()),
        Some(Route::Profile) => profile::get(state, asked),
        // A refused invite is not sent. After a 504 nobody knows, and this one was.
        Some(Route::Invite) => match fault {
            Some(Fault::Error { status, .. }) if status != 504 => Answer::error(status, "", ""),
            _ => invite::send(state, asked),
        },
        Some(Route::Webhooks) => webhooks::answer(state, asked),
        Some(Route::Accounts) => accounts::answer(state, asked),
        Some(Route::SentInvitations | Route::Chat) | None => {
            Answer::error(404, "resource_not_found", "Route not found")
        }
    };
    match fault {
        Some(fault) => fault.apply(Api::V1, right),
        None => right,
    }
}

/// The answer that the rules of API v2 give, with what a fault does to it.
fn judge_v2(state: &mut State, asked: &ApiRequest, key: Option<&str>) -> Answer {
    if key != Some(state.settings.api_key_v2.as_str()) {
        return v2::error(
            401,
            "api/missing_authorization",
            "The API key is missing or not valid.",
        );
    }
    let route = asked.route();
    let fault = state.faults.take(route, asked.account(state).as_deref());
    // A refused invite is not sent.
    let is_refused = route == Some(Route::Invite)
        && matches!(fault, Some(Fault::Error { status, .. }) if status != 504);
    let right = if is_refused {
        v2::error(500, "api/internal_error", "")
    } else {
        v2::answer(state, asked, fault.as_ref())
    };
    match fault {
        Some(fault) => fault.apply(Api::V2, right),
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
