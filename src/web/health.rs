//! `/healthz`, `/readyz` and `/metrics`: for supervisors and scrapers, without a token.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::app::App;
use super::figures::snapshot;
use super::json::Json;
use super::problem::Problem;
use super::shared::Reuse;

/// A disk that takes longer than this to commit is not ready for a provider's webhook.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long lies between two trial commits, and between two readings of the figures, however many ask.
const PAUSE: Duration = Duration::from_secs(1);

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

/// Whether the database commits, or why not: tried once a second at most. What real commits showed meanwhile counts.
async fn commits(app: &App) -> Result<(), String> {
    let turns = || app.store.commit_turns();
    let compute = || async {
        let tried = try_commit(app).await;
        (turns(), Ok(tried))
    };
    app.answers()
        .commits
        .get((), Reuse::AtMostEvery(PAUSE), turns, compute)
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}

async fn try_commit(app: &App) -> Result<(), String> {
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

/// The page for a scraper. The figures from the database are read once a second at most, for all who scrape.
///
/// # Errors
/// The store's, when it can't even be read.
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let version = || app.store.commit_count();
    let compute = || async {
        // First the trial commit: what the version counts after it is in the figures.
        let writable = commits(&app).await.is_ok();
        let seen = version();
        let figures = snapshot(&app.store, &app.config(), app.clock.now(), writable).await;
        (seen, figures.map(Arc::new))
    };
    let figures = app
        .answers()
        .figures
        .get((), Reuse::AtMostEvery(PAUSE), version, compute)
        .await?;
    let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok());
    let page = app.metrics.render(&figures, accept);
    Ok(([(header::CONTENT_TYPE, page.content_type)], page.body).into_response())
}
