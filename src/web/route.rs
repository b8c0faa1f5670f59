//! Every route, and what happens around all of them: the sender is judged by the head, then the body is read whole; an error is a
//! problem body, a panic is a 500.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

use super::app::App;
use super::problem::Problem;
use super::{api, auth, body, dashboard, health, openapi, webhooks};

/// The whole HTTP surface.
pub fn router(app: App) -> Router {
    // The layer that is added last comes first: nobody's body is read before the head was judged.
    let whole = from_fn_with_state(app.clone(), body::whole);
    let api = api::routes()
        .route_layer(whole.clone())
        .route_layer(from_fn_with_state(app.clone(), auth::guard));
    let open = dashboard::routes()
        .route("/openapi.json", get(openapi::document))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route_layer(whole);
    Router::new()
        .merge(api)
        .merge(open)
        .merge(webhooks::routes(&app))
        .fallback(unknown)
        // The body is bounded by `body::whole`, which knows the configured size.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), body::declared))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(dress))
        .with_state(app)
}

/// 404 for a path that leads nowhere.
pub(super) async fn unknown(request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    Problem::not_found(format!("There is nothing at {path:?}."))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature the layer asks for"
)]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let why = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = why, "a handler panicked");
    Problem::internal().into_response()
}

/// Gives the router's own bare errors a problem body and every answer the headers that keep a browser from misreading it, and
/// writes the request down.
async fn dress(request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = Instant::now();
    let mut response = next.run(request).await;
    if is_bare(&response) {
        let allow = response.headers_mut().remove(header::ALLOW);
        let detail = match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => format!("{method} is not possible here."),
            _ => "The request can't be read.".to_owned(),
        };
        let mut problem = Problem::new(response.status(), detail);
        if let Some(allow) = allow {
            problem = problem.with_header(header::ALLOW, allow);
        }
        response = problem.into_response();
    }
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    tracing::debug!(
        %method,
        path,
        status = response.status().as_u16(),
        took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// Whether it is an error that no handler of ours wrote.
fn is_bare(response: &Response<Body>) -> bool {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}
