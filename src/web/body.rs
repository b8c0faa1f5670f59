//! Request bodies: read whole and raw before anything looks at them, within `server.max_body` and 30 seconds.
//!
//! That happens before authentication: a huge body is 413 before it is 401, and a webhook's signature is over the raw body.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::app::App;
use super::problem::Problem;
use super::webhooks;
use crate::metrics::WebhookResult;

/// From the head to the last byte of the body (contract section 4).
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read and thrown away, so that its sender gets to read the answer.
const DISCARD_MAX: usize = 16 * 1024 * 1024;
/// A little more than a sender on a good line needs for that.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the body; the handlers get it as one piece.
pub async fn whole(State(app): State<App>, request: Request, next: Next) -> Response {
    let max_body = app.config().server.max_body;
    let (head, body) = request.into_parts();
    let declared = content_length(&head.headers);
    let refuse = |problem: Problem, result| {
        if let Some(provider) = webhooks::provider_of(head.uri.path()) {
            webhooks::refused(&app, provider, result);
        }
        problem.into_response()
    };
    if declared.is_some_and(|length| length > max_body as u64) {
        // A client that waits for "100 Continue" has sent nothing, and now never will.
        if !head.headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return refuse(Problem::too_large(max_body), WebhookResult::TooLarge);
    }
    match tokio::time::timeout(BODY_TIMEOUT, read(body, max_body)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Ok(Err(Unread::TooLarge(rest))) => {
            discard(rest).await;
            refuse(Problem::too_large(max_body), WebhookResult::TooLarge)
        }
        Ok(Err(Unread::Broken)) => refuse(
            Problem::new(
                StatusCode::BAD_REQUEST,
                "The body ended before it was whole.",
            ),
            WebhookResult::TooSlow,
        ),
        Err(_) => refuse(Problem::too_slow(), WebhookResult::TooSlow),
    }
}

/// Why there is no body.
enum Unread {
    TooLarge(Body),
    Broken,
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn read(mut body: Body, max_body: usize) -> Result<Bytes, Unread> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Unread::Broken);
        };
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > max_body {
                return Err(Unread::TooLarge(body));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

async fn discard(mut body: Body) {
    let work = async {
        let mut left = DISCARD_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Late or not, the answer is the same.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, work).await;
}
