//! `/v1/campaigns`: the campaigns of the engine, with live counts.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::show;
use crate::api::campaigns::{Campaign, CampaignInput, CampaignList, CampaignPatch};
use crate::api::fields::Span;
use crate::api::page::PageParams;
use crate::domain::audit::AuditContext;
use crate::domain::bad_input::BadInput;
use crate::domain::ids::CampaignId;
use crate::domain::schedule::Schedule;
use crate::reconcile::CampaignChange;
use crate::store::Error;
use crate::web::app::App;
use crate::web::input::{Body, Params};
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// List campaigns with live counts
///
/// In the order in which they appeared.
#[utoipa::path(
    get,
    path = "/v1/campaigns",
    operation_id = "listCampaigns",
    tag = "campaigns",
    params(PageParams),
    responses((status = 200, description = "Done.", body = CampaignList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<PageParams>,
) -> Result<Response, Problem> {
    let limit = params.limit;
    let after = List::Campaigns
        .start_number(params.cursor.as_deref())?
        .unwrap_or(0);
    let page = app
        .view_once(&app.answers().campaigns, (after, limit.get()), move |r| {
            let rows = r
                .campaigns(after, limit.get() + 1)?
                .into_iter()
                .map(|row| Ok((row.seq, show::campaign(&row, &r.campaign_counts(&row.id)?))))
                .collect::<Result<Vec<_>, Error>>()?;
            let page = List::Campaigns.page(rows, limit, |row| row.0.to_string(), |row| row.1);
            Ok(Arc::new(page))
        })
        .await?;
    Ok(Json(&*page).into_response())
}

/// Get a campaign with live counts
#[utoipa::path(
    get,
    path = "/v1/campaigns/{id}",
    operation_id = "getCampaign",
    tag = "campaigns",
    params(("id" = CampaignId, Path, description = "The campaign.")),
    responses((status = 200, description = "Done.", body = Campaign))
)]
pub async fn get(
    State(app): State<App>,
    Id(id): Id<CampaignId>,
) -> Result<Json<Campaign>, Problem> {
    let shown = app
        .view_once(&app.answers().campaign, id.clone(), move |r| {
            let row = r
                .campaign(&id)?
                .ok_or_else(|| Error::not_found("campaign", id.as_str()))?;
            Ok(show::campaign(&row, &r.campaign_counts(&id)?))
        })
        .await?;
    Ok(Json(shown))
}

/// Create a campaign, or change the one with this id
///
/// Setting `running` when no enrollment has a usable identity answers 409 of type `no-usable-prospects`.
#[utoipa::path(
    post,
    path = "/v1/campaigns",
    operation_id = "upsertCampaign",
    tag = "campaigns",
    request_body = CampaignInput,
    responses(
        (status = 200, description = "Changed.", body = Campaign),
        (status = 201, description = "Created.", body = Campaign),
        (status = 409),
    )
)]
pub async fn post(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Body(input): Body<CampaignInput>,
) -> Result<(StatusCode, Json<Campaign>), Problem> {
    let (id, patch) = input.split();
    let (shown, is_new) = change(&app, context, id, patch, true).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(shown)))
}

/// Change a campaign
///
/// A field that is left out keeps its value, `null` clears it. Setting `running` when no enrollment has a usable identity answers 409
/// of type `no-usable-prospects`.
#[utoipa::path(
    patch,
    path = "/v1/campaigns/{id}",
    operation_id = "changeCampaign",
    tag = "campaigns",
    params(("id" = CampaignId, Path, description = "The campaign.")),
    request_body = CampaignPatch,
    responses((status = 200, description = "Done.", body = Campaign), (status = 409))
)]
pub async fn patch(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(id): Id<CampaignId>,
    Body(patch): Body<CampaignPatch>,
) -> Result<Json<Campaign>, Problem> {
    let (shown, _) = change(&app, context, id, patch, false).await?;
    Ok(Json(shown))
}

async fn change(
    app: &App,
    context: AuditContext,
    id: CampaignId,
    patch: CampaignPatch,
    create: bool,
) -> Result<(Campaign, bool), Problem> {
    let change = change_of(patch)?;
    let (row, is_new) = app
        .writes
        .save_campaign(context, id, change, create)
        .await?;
    // Counted outside the write, because others wait for the writer.
    let counted = row.id.clone();
    let counts = app.store.view(move |r| r.campaign_counts(&counted)).await?;
    Ok((show::campaign(&row, &counts), is_new))
}

/// What changes of a campaign, as it is stored.
fn change_of(patch: CampaignPatch) -> Result<CampaignChange, BadInput> {
    let stored = |span: Span| Some((span.text, span.length_ms));
    let schedule = patch.schedule.try_map(|value| Schedule::read(&value))?;
    Ok(CampaignChange {
        name: patch.name.into(),
        status: patch.status,
        accept_window: patch.accept_window.and_then(stored),
        not_accepted_after: patch.not_accepted_after.and_then(stored),
        schedule: schedule.and_then(|schedule| Some(schedule.to_json().to_string())),
        daily_cap: patch.daily_cap.and_then(|cap| Some(cap.0)),
    })
}
