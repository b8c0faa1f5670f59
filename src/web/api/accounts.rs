//! `GET /v1/accounts`: the accounts with their health and pacing.

use axum::extract::State;

use crate::api::accounts::{Account, AccountList, Health};
use crate::api::page::PageParams;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::poll::{Plan, next_probe};
use crate::provider::pacer::check_pace;
use crate::store::{AccountRow, Error, Reader};
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::problem::Problem;

/// List accounts with their health and pacing
///
/// In the order of their ids.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    operation_id = "listAccounts",
    tag = "accounts",
    params(PageParams),
    responses((status = 200, description = "Done.", body = AccountList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<PageParams>,
) -> Result<Json<AccountList>, Problem> {
    let limit = params.limit;
    let after = List::Accounts.start(params.cursor.as_deref())?;
    let config = app.config();
    let now = app.clock.now();
    let plan = app.plan();
    let rows = app
        .store
        .view(move |r| {
            r.accounts(after.as_deref(), limit.get() + 1)?
                .into_iter()
                .map(|row| Ok((row.id.to_string(), show_one(r, &config, &plan, &row, now)?)))
                .collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    let page = List::Accounts.page(rows, limit, |row| row.0.clone(), |row| row.1);
    Ok(Json(page))
}

fn show_one(
    r: &Reader<'_>,
    config: &Config,
    plan: &Plan,
    row: &AccountRow,
    now: Timestamp,
) -> Result<Account, Error> {
    let id = plan.settings_id(r, &row.id)?;
    let settings = config.account(&id);
    let health = if row.outage_since.is_none() {
        Health::Ok
    } else {
        Health::Unhealthy
    };
    let open = r.open_enrollments(&row.id, plan.scope(now))?;
    let pace = r.pace(&row.id)?;
    let polled = r.poll_row(&row.id)?;
    let provider = plan.provider(&id, row.provider);
    let called = plan.clients.serving(provider).is_some() && open > 0;
    let next_call = called.then(|| {
        let rules = (plan.pace_of)(&id, now);
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
    Ok(Account {
        id: row.id.clone(),
        name: row.name.clone(),
        aliases: r.account_aliases(&row.id)?,
        provider,
        workspace_id: settings.workspace_id.to_owned(),
        health,
        health_reason: row.health_reason.clone(),
        outage_since: row.outage_since,
        open_enrollments: open,
        last_call_at: pace.started_at.or(pace.ended_at),
        next_call_at: next_call,
        last_poll_at: polled.as_ref().and_then(|p| p.last_poll_at),
        next_poll_at: next_poll,
        calls_today: pace.calls_today(now),
        daily_budget: settings.daily_budget,
    })
}
