//! `GET /v1/stats` and `GET /v1/campaigns/{id}/stats`: figures for the charts.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::ids::CampaignId;
use crate::store::{BUCKETS_S, Error, Stats};
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::page::Query;
use crate::web::path::Id;
use crate::web::problem::Problem;

const DAYS_DEFAULT: u16 = 30;
const DAYS_MAX: u16 = 366;

/// Over all campaigns.
///
/// # Errors
/// 422 for an impossible `days`; the store's.
pub async fn all(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    answer(&app, None, &query).await
}

/// Of one campaign.
///
/// # Errors
/// 404, 422 for an impossible `days`; the store's.
pub async fn of_campaign(
    State(app): State<App>,
    Id(id): Id<CampaignId>,
    query: Query,
) -> Result<Response, Problem> {
    answer(&app, Some(id), &query).await
}

async fn answer(app: &App, id: Option<CampaignId>, query: &Query) -> Result<Response, Problem> {
    let days = query.parsed::<u16>("days")?.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::invalid(
            "days",
            format!("days must be 1 to {DAYS_MAX}."),
        ));
    }
    let now = app.clock.now();
    let key = (id.clone(), days, now.utc_day());
    let shown = app
        .view_once(&app.answers().stats, key, move |r| {
            if let Some(id) = &id
                && r.campaign(id)?.is_none()
            {
                return Err(Error::not_found("campaign", id.as_str()));
            }
            Ok(show(&r.stats(id.as_ref(), days, now)?))
        })
        .await?;
    Ok(Json(shown).into_response())
}

fn show(stats: &Stats) -> Value {
    let bounds = BUCKETS_S.iter().copied().map(Some).chain([None]);
    let buckets: Vec<Value> = bounds
        .zip(stats.time_to_accept)
        .map(|(bound, count)| json!({"upToSeconds": bound, "count": count}))
        .collect();
    let per_day: Vec<Value> = stats
        .per_day
        .iter()
        .map(|(day, source, count)| json!({"day": day, "source": source, "count": count}))
        .collect();
    let by_source: Vec<Value> = stats
        .by_source
        .iter()
        .map(|(source, count)| json!({"source": source, "count": count}))
        .collect();
    let by_path: Vec<Value> = stats
        .by_path
        .iter()
        .map(|(path, count)| json!({"path": path, "count": count}))
        .collect();
    json!({
        "usable": stats.usable, "timeToAccept": buckets, "acceptsPerDay": per_day,
        "bySource": by_source, "byPath": by_path,
    })
}
