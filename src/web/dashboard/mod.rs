//! The dashboard at `/`: embedded files that draw themselves from the API, and the login that turns the admin token into a
//! session.

mod assets;
mod login;

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodFilter;

use super::app::App;
use super::auth::{Key, admit};
use super::problem::Problem;
use super::routes::Routes;

/// The dashboard's routes. They judge for themselves who is let in: a browser without a session is asked for a token.
#[must_use]
pub fn routes() -> Routes {
    Routes::default()
        .page(MethodFilter::GET, "/", page)
        .page(MethodFilter::GET, "/assets/{version}/{*name}", file)
        .page(MethodFilter::GET, "/login", page)
        .page(MethodFilter::POST, "/login", login::log_in)
        .page(MethodFilter::GET, "/login/{code}", login::by_link)
        .page(MethodFilter::POST, "/logout", login::log_out)
}

/// The page, or the question for a token.
async fn page(State(app): State<App>, head: Parts) -> Response {
    match admit(&app, &head).await {
        Ok(actor) => assets::shell(actor.role, matches!(actor.key, Key::Session(..))),
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            assets::login(StatusCode::OK, None)
        }
        Err(problem) => problem.into_response(),
    }
}

/// One of the page's files. They are the same for everybody, so they need no session.
async fn file(
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    assets::asset(&version, &name, &headers)
        .ok_or_else(|| Problem::not_found("There is no such file; reload the page."))
}
