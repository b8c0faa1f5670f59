//! `GET /v1/accounts`: health, pacing and what is waited for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::config::Config;
use crate::store::{AccountRow, Error, OpenScope, Reader};
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::page::{List, Page, Query};
use crate::web::problem::Problem;

/// One page, in the order of their ids.
///
/// # Errors
/// 422 for a parameter that can't be read; the store's.
pub async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let after = query.cursor(List::Accounts)?;
    let config = app.config();
    let scope = OpenScope {
        since: app.clock.now().minus(config.poll.horizon),
    };
    let rows = app
        .store
        .read(move |r| {
            r.accounts(after.as_deref(), limit + 1)?
                .into_iter()
                .map(|row| Ok((row.id.to_string(), show_one(r, &config, &row, scope)?)))
                .collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    let page = Page::cut(
        List::Accounts,
        rows,
        limit,
        |row| row.0.clone(),
        |row| row.1,
    );
    Ok(Json(page).into_response())
}

fn show_one(
    r: &Reader<'_>,
    config: &Config,
    row: &AccountRow,
    scope: OpenScope,
) -> Result<Value, Error> {
    let settings = config.account(&row.id);
    let health = if row.outage_since.is_none() {
        "OK"
    } else {
        "UNHEALTHY"
    };
    Ok(json!({
        "id": row.id,
        "provider": settings.provider.unwrap_or(row.provider),
        "workspaceId": settings.workspace_id,
        "health": health,
        "healthReason": row.health_reason,
        "outageSince": row.outage_since,
        "openEnrollments": r.open_enrollments(&row.id, scope)?,
        "dailyBudget": settings.daily_budget,
    }))
}
