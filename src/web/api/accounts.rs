//! `GET /v1/accounts`: health, pacing and what is waited for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::config::Config;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;
use crate::poll::{Plan, next_probe};
use crate::provider::pacer::check_pace;
use crate::store::{AccountRow, Error, Reader};
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
    let now = app.clock.now();
    let plan = app.plan();
    let rows = app
        .store
        .view(move |r| {
            r.accounts(after.as_deref(), limit + 1)?
                .into_iter()
                .map(|row| Ok((row.id.to_string(), show_one(r, &config, &plan, &row, now)?)))
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
    plan: &Plan,
    row: &AccountRow,
    now: Timestamp,
) -> Result<Value, Error> {
    let settings = config.account(&row.id);
    let health = if row.outage_since.is_none() {
        "OK"
    } else {
        "UNHEALTHY"
    };
    let open = r.open_enrollments(&row.id, plan.scope(now))?;
    let pace = r.pace(&row.id)?;
    let polled = r.poll_row(&row.id)?;
    let provider = settings.provider.unwrap_or(row.provider);
    let called = plan.client.is_some() && provider == Provider::Unipile && open > 0;
    let next_call = called.then(|| {
        let rules = (plan.pace_of)(&row.id, now);
        let allowed = check_pace(&pace, &rules, now).err().unwrap_or(now);
        match (row.outage_since, &polled) {
            (Some(since), Some(p)) if !p.probe_asked => allowed.max(next_probe(since, p.probed_at)),
            _ => allowed,
        }
    });
    let next_poll = polled
        .as_ref()
        .filter(|_| called && row.outage_since.is_none())
        .and_then(|p| p.due_at);
    Ok(json!({
        "id": row.id,
        "provider": provider,
        "workspaceId": settings.workspace_id,
        "health": health,
        "healthReason": row.health_reason,
        "outageSince": row.outage_since,
        "openEnrollments": open,
        "lastCallAt": pace.started_at.or(pace.ended_at),
        "nextCallAt": next_call,
        "lastPollAt": polled.as_ref().and_then(|p| p.last_poll_at),
        "nextPollAt": next_poll,
        "callsToday": pace.calls_today(now),
        "dailyBudget": settings.daily_budget,
    }))
}
