//! Every route, and the layers around all of them: the sender is checked by the request's head, then the whole body is read. An error
//! becomes a problem body, a panic becomes a 500.

use std::any::Any;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::any;
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::routes;

use super::app::App;
use super::problem::Problem;
use super::routes::{Need, Routes};
use super::{api, auth, body, dashboard, health, openapi, webhooks};

/// Every route with its requirement.
#[must_use]
pub fn routes() -> Routes {
    api_routes().merge(webhooks::routes())
}

/// The routes of the API, the dashboard, health and metrics.
fn api_routes() -> Routes {
    Routes::default()
        .merge(api::routes())
        .merge(dashboard::routes())
        .serve(Need::Nothing, routes!(openapi::document))
        .serve(Need::Nothing, routes!(health::live))
        .serve(Need::Nothing, routes!(health::ready))
        .serve(Need::MetricsToken, routes!(health::metrics))
}

/// Serves every route at one address.
pub fn router(app: App) -> Router {
    let router = routes().into_router();
    with_layers(guard_open_mode(router, &app), app)
}

/// Serves the webhooks and nothing else, for an address that the internet can reach. Everything else is 404, with or without a
/// token.
pub fn webhook_router(app: App) -> Router {
    with_layers(webhooks::routes().into_public_router(), app)
}

/// Serves everything but the webhooks, for an address that only the operator can reach.
pub fn api_router(app: App) -> Router {
    let router = api_routes()
        .into_router()
        .route("/webhooks/{*path}", any(webhooks_elsewhere));
    with_layers(guard_open_mode(router, &app), app)
}

/// 404 that says where the webhooks are: a provider that sends them here was given the wrong address.
async fn webhooks_elsewhere() -> Problem {
    Problem::not_found("Webhooks are received at server.listen, not at server.admin_listen.")
}

fn guard_open_mode(router: Router<App>, app: &App) -> Router<App> {
    router.layer(from_fn_with_state(app.clone(), auth::open_mode))
}

fn with_layers(router: Router<App>, app: App) -> Router {
    router
        // The body is bounded by `body::whole`, which knows the configured size.
        .layer(DefaultBodyLimit::disable())
        .layer(Extension(app.clone()))
        .layer(from_fn_with_state(app.clone(), body::declared))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(finish_answer))
        .with_state(app)
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
    tracing::error!(panic = why, "handler panicked");
    Problem::internal().into_response()
}

/// Finishes every answer: gives errors of the router itself a problem body, adds headers that keep a browser from misinterpreting the
/// answer, and logs the request.
async fn finish_answer(request: Request, next: Next) -> Response<Body> {
    let method = request.method().clone();
    // The rest of such a path is a secret that logs in.
    let path = match request.uri().path() {
        path if path.starts_with("/login/") => "/login/…".to_owned(),
        path => path.to_owned(),
    };
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
        "request answered"
    );
    response
}

/// Whether the answer is an error that axum wrote, not a handler.
fn is_bare(response: &Response<Body>) -> bool {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}
