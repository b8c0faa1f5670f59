//! Request bodies: read whole and raw before a handler looks at them, within `server.max_body` and 30 seconds.
//!
//! Two things come first. A declared length above `server.max_body` is 413 for everybody. Then the head says what it can about
//! the sender: a wrong token or static header is answered without reading the body. Only a body that a signature has to prove is
//! read from anybody, and all such bodies share a small pool of memory (see [`super::bodies`]).

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use tokio::time::{MissedTickBehavior, interval};

use super::app::App;
use super::auth::Actor;
use super::bodies::{Evicted, HeldMemory, PartialBody, Proof};
use super::peer;
use super::problem::Problem;
use super::upload;
use super::webhooks;
use crate::import::FILE_BYTES_MAX;
use crate::intake::verify::SenderProof;
use crate::metrics::WebhookResult;

/// From the head to the last byte of the body.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// While more than half of the pool is used, a body that arrives more slowly than this is refused. [`LEAST_RATE_GRACE`] is not
/// counted.
const LEAST_BYTES_PER_SECOND: u64 = 1024;
/// How long every body may arrive at any rate.
const LEAST_RATE_GRACE: Duration = Duration::from_secs(5);
/// How often the rate is checked.
const RATE_CHECK: Duration = Duration::from_secs(1);

/// Refuses a body by its declared length, before the sender is checked.
pub async fn declared(State(app): State<App>, request: Request, next: Next) -> Response {
    if upload::is_one(&request) {
        return match content_length(request.headers()) {
            Some(length) if length > FILE_BYTES_MAX => upload::too_large().into_response(),
            _ => next.run(request).await,
        };
    }
    let bytes_max = app.config().server.max_body;
    match content_length(request.headers()) {
        Some(length) if length > bytes_max as u64 => too_large(&app, &request, bytes_max),
        _ => next.run(request).await,
    }
}

fn too_large(app: &App, request: &Request, bytes_max: usize) -> Response {
    refuse(
        app,
        request.uri().path(),
        Problem::too_large(bytes_max),
        WebhookResult::TooLarge,
    )
}

/// Counts a webhook that is refused because of its body.
fn refuse(app: &App, path: &str, problem: Problem, result: WebhookResult) -> Response {
    if let Some(provider) = webhooks::provider_of(path) {
        webhooks::refused(app, provider, result);
    }
    problem.into_response()
}

/// Reads the body, so that the handlers get it in one piece.
pub async fn whole(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let bytes_max = app.config().server.max_body;
    let (head, body) = request.into_parts();
    // A declared length reserves nothing: memory grows with the bytes that arrive.
    let size = content_length(&head.headers).map_or(bytes_max, |length| {
        usize::try_from(length).map_or(bytes_max, |length| length.min(bytes_max))
    });
    let peer = peer::of(&app.config(), &head);
    let partial = app.bodies().begin(proof(&head.extensions), peer, size);
    let refuse = |problem, result| refuse(&app, head.uri.path(), problem, result);
    match read(body, bytes_max, partial).await {
        Ok((bytes, _held)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Err(Unread::TooLarge) => refuse(Problem::too_large(bytes_max), WebhookResult::TooLarge),
        Err(Unread::Broken) => refuse(
            Problem::new(
                StatusCode::BAD_REQUEST,
                "The body ended before it was whole.",
            ),
            WebhookResult::TooSlow,
        ),
        Err(Unread::TooSlow) => refuse(Problem::too_slow(), WebhookResult::TooSlow),
        Err(Unread::Evicted) => refuse(Problem::gave_way(), WebhookResult::TooSlow),
    }
}

/// Returns what proves the sender, as the check of the head left it.
fn proof(extensions: &Extensions) -> Proof {
    let known = extensions.get::<Actor>().is_some();
    match extensions.get::<SenderProof>() {
        Some(signed) if !signed.is_proved() => Proof::Signature,
        None if !known => Proof::None,
        _ => Proof::Head,
    }
}

/// Why a body was not read.
enum Unread {
    TooLarge,
    Broken,
    TooSlow,
    Evicted,
}

impl From<Evicted> for Unread {
    fn from(Evicted: Evicted) -> Self {
        Self::Evicted
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn read(
    mut body: Body,
    bytes_max: usize,
    partial: PartialBody,
) -> Result<(Bytes, HeldMemory), Unread> {
    let began = Instant::now();
    let mut arrived = 0;
    let mut checks = interval(RATE_CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = partial.evicted() => return Err(Unread::Evicted),
            _ = checks.tick() => {
                let took = began.elapsed();
                if took >= BODY_TIMEOUT || (is_slow(arrived, took) && partial.is_crowded()) {
                    return Err(Unread::TooSlow);
                }
                continue;
            }
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| Unread::Broken)?;
        if let Ok(data) = frame.into_data() {
            arrived += data.len();
            if arrived > bytes_max {
                return Err(Unread::TooLarge);
            }
            partial.add(&data)?;
        }
    }
    let (bytes, held) = partial.finish()?;
    Ok((bytes.into(), held))
}

fn is_slow(arrived: usize, took: Duration) -> bool {
    let counted = took.saturating_sub(LEAST_RATE_GRACE);
    (arrived as u64) < counted.as_secs() * LEAST_BYTES_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_slow_after_its_grace() {
        let s = Duration::from_secs;
        assert!(!is_slow(0, s(5)));
        assert!(is_slow(0, s(6)));
        assert!(!is_slow(1024, s(6)));
        assert!(is_slow(1024, s(7)));
        assert!(!is_slow(26 * 1024, s(30)));
    }
}
