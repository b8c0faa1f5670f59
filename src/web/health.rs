//! `/healthz`, `/readyz` and `/metrics`, for supervisors and scrapers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::figures::snapshot;
use super::json::Json;
use super::problem::Problem;
use super::shared::Reuse;
use crate::api::process::Health;

/// If a commit takes longer than this, the daemon is not ready for a provider's webhook.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest time between two test commits, and between two readings of the figures.
const INTERVAL: Duration = Duration::from_secs(1);

/// Is the process alive?
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "process",
    responses((status = 200, description = "It is.", body = Health))
)]
pub async fn live() -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
    })
}

/// Can the process do its work?
///
/// The database commits, and the provider accepts the configured key.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "process",
    responses(
        (status = 200, description = "It can.", body = Health),
        (
            status = 503,
            description = "It can't: the database does not commit, or the provider refuses the configured key. `detail` says which."
        ),
    )
)]
pub async fn ready(State(app): State<App>) -> Result<Json<Health>, Problem> {
    commits(&app).await.map_err(Problem::unavailable)?;
    let trouble = app.poll_trouble.borrow().clone();
    match trouble {
        Some(why) => Err(Problem::unavailable(why)),
        None => Ok(Json(Health {
            status: "ready".to_owned(),
        })),
    }
}

/// Returns why the database does not commit, if it does not. It is tested at most once a second. Real commits count as tests.
async fn commits(app: &App) -> Result<(), String> {
    let turns = || app.store.commit_turns();
    let compute = || async {
        let tried = try_commit(app).await;
        (turns(), Ok(tried))
    };
    app.answers()
        .commits
        .get((), Reuse::AtMostEvery(INTERVAL), turns, compute)
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}

async fn try_commit(app: &App) -> Result<(), String> {
    let fatal = app.store.fatal().borrow().clone();
    if let Some(why) = fatal {
        return Err(format!(
            "The database can't be trusted any more, so the process has to restart: {why}."
        ));
    }
    let now = app.clock.now();
    let commit = app.store.probe(now);
    match tokio::time::timeout(COMMIT_TIMEOUT, commit).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(format!("The database can't commit: {why}.")),
        Err(_) => Err(format!(
            "The database has not committed for {} seconds.",
            COMMIT_TIMEOUT.as_secs()
        )),
    }
}

/// Metrics in the Prometheus text format
///
/// If `server.metrics_token` is set, it asks for it or for any other token. Otherwise it needs none. The figures are read from the
/// database once a second at most.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "process",
    responses((status = 200, description = "The metrics.", content_type = "text/plain", body = String))
)]
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let version = || app.store.commit_count();
    let compute = || async {
        // The test commit comes first, so that the figures include every commit that the version counts.
        let writable = commits(&app).await.is_ok();
        let seen = version();
        let figures = snapshot(&app.store, &app.config(), app.clock.now(), writable).await;
        (seen, figures.map(Arc::new))
    };
    let figures = app
        .answers()
        .figures
        .get((), Reuse::AtMostEvery(INTERVAL), version, compute)
        .await?;
    let accept = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok());
    let page = app.metrics.render(&figures, accept);
    Ok(([(header::CONTENT_TYPE, page.content_type)], page.body).into_response())
}
