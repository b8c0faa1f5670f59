//! The dashboard at `/`: embedded files that draw themselves from the API, and the login that turns the admin token into a
//! session.

mod assets;
mod login;

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::auth::{Key, admit};
use super::problem::Problem;
use super::routes::{Need, Routes};

/// The dashboard's routes. They judge for themselves who is let in: a browser without a session is asked for a token.
#[must_use]
pub fn routes() -> Routes {
    Routes::default()
        .get("/", Need::Page, page)
        .get("/assets/{version}/{*name}", Need::Page, file)
        .get("/login", Need::Page, page)
        .post("/login", Need::Page, login::log_in)
        .get("/login/{code}", Need::Page, login::by_link)
        .post("/logout", Need::Page, login::log_out)
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
