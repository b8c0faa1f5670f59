//! The dashboard at `/`: embedded files that draw themselves from the API, and the login that turns the admin token into a
//! session.

mod assets;
mod login;

use axum::Router;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::app::App;
use super::auth::{Access, Asked, access, loopback_host};
use super::problem::Problem;

/// The dashboard's routes. They judge for themselves who is let in: a browser without a session is asked for the token.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(page))
        .route("/assets/{version}/{*name}", get(file))
        .route("/login", get(page).post(login::log_in))
        .route("/logout", post(login::log_out))
}

/// The page, or the question for the token.
async fn page(
    State(app): State<App>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let asked = Asked {
        method: &method,
        uri: &uri,
        headers: &headers,
    };
    match access(&app.config(), &asked, app.clock.now()) {
        Ok(how) => assets::shell(how == Access::Session),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            assets::login(StatusCode::OK, None)
        }
        Err(problem) => problem.into_response(),
    }
}

/// One of the page's files. They are the same for everybody, so they need no session.
async fn file(
    State(app): State<App>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Asked {
        method: &method,
        uri: &uri,
        headers: &headers,
    };
    if !app.config().server.admin_token.is_set() {
        loopback_host(&asked)?;
    }
    assets::asset(&version, &name, &headers)
        .ok_or_else(|| Problem::not_found("There is no such file; reload the page."))
}
