//! `/healthz`, `/readyz` and `/metrics`: for supervisors and scrapers, without a token.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::app::App;
use super::json::Json;
use super::problem::Problem;
use crate::daemon::measure::snapshot;

/// A disk that takes longer than this to commit is not ready for a provider's webhook.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The process answers.
pub async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Whether the daemon can do its work: the database commits, and our key opens the provider (contract sections 8 and 9).
///
/// # Errors
/// 503 with the reason.
pub async fn ready(State(app): State<App>) -> Result<Response, Problem> {
    commits(&app).await.map_err(Problem::unavailable)?;
    let trouble = app.poll_trouble.borrow().clone();
    match trouble {
        Some(why) => Err(Problem::unavailable(why)),
        None => Ok(Json(json!({"status": "ready"})).into_response()),
    }
}

/// Whether the database commits, or why not.
async fn commits(app: &App) -> Result<(), String> {
    let fatal = app.store.fatal().borrow().clone();
    if let Some(why) = fatal {
        return Err(format!(
            "The database can't be trusted any more, the process has to restart: {why}."
        ));
    }
    let now = app.clock.now();
    let commit = app.store.write(move |tx| tx.probe(now));
    match tokio::time::timeout(COMMIT_TIMEOUT, commit).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(format!("The database can't commit: {why}.")),
        Err(_) => Err(format!(
            "The database has not committed for {} seconds.",
            COMMIT_TIMEOUT.as_secs()
        )),
    }
}

/// The page for a scraper.
///
/// # Errors
/// The store's, when it can't even be read.
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let writable = commits(&app).await.is_ok();
    let now = app.clock.now();
    let calls = app.store.view(move |r| r.calls_today(now)).await?;
    let snapshot = snapshot(&app.store, &app.config(), &calls, now, writable).await?;
    let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok());
    let page = app.metrics.render(&snapshot, accept);
    Ok(([(header::CONTENT_TYPE, page.content_type)], page.body).into_response())
}
