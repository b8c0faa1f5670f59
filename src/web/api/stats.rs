//! `GET /v1/stats` and `GET /v1/campaigns/{id}/stats`: figures for charts.

use axum::extract::State;

use crate::api::stats::{Bucket, DayCount, PathCount, SourceCount, Stats, StatsParams};
use crate::domain::ids::CampaignId;
use crate::store::{self, BUCKETS_S, Error};
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Get figures for charts, over all campaigns
#[utoipa::path(
    get,
    path = "/v1/stats",
    operation_id = "getStats",
    tag = "campaigns",
    params(StatsParams),
    responses((status = 200, description = "Done.", body = Stats))
)]
pub async fn all(
    State(app): State<App>,
    Params(params): Params<StatsParams>,
) -> Result<Json<Stats>, Problem> {
    answer(&app, None, &params).await
}

/// Get figures for charts, of one campaign
#[utoipa::path(
    get,
    path = "/v1/campaigns/{id}/stats",
    operation_id = "getCampaignStats",
    tag = "campaigns",
    params(("id" = CampaignId, Path, description = "The campaign."), StatsParams),
    responses((status = 200, description = "Done.", body = Stats))
)]
pub async fn of_campaign(
    State(app): State<App>,
    Id(id): Id<CampaignId>,
    Params(params): Params<StatsParams>,
) -> Result<Json<Stats>, Problem> {
    answer(&app, Some(id), &params).await
}

async fn answer(
    app: &App,
    id: Option<CampaignId>,
    params: &StatsParams,
) -> Result<Json<Stats>, Problem> {
    let days = u16::try_from(params.days.0).unwrap_or(u16::MAX);
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
    Ok(Json(shown))
}

fn show(stats: &store::Stats) -> Stats {
    let bounds = BUCKETS_S.iter().copied().map(Some).chain([None]);
    let buckets = bounds
        .zip(stats.time_to_accept)
        .map(|(up_to_seconds, count)| Bucket {
            up_to_seconds,
            count,
        });
    let per_day = stats.per_day.iter().cloned();
    let by_source = stats.by_source.iter();
    let by_path = stats.by_path.iter();
    Stats {
        usable: stats.usable,
        time_to_accept: buckets.collect(),
        accepts_per_day: per_day
            .map(|(day, source, count)| DayCount { day, source, count })
            .collect(),
        by_source: by_source
            .map(|&(source, count)| SourceCount { source, count })
            .collect(),
        by_path: by_path
            .map(|&(path, count)| PathCount { path, count })
            .collect(),
    }
}
