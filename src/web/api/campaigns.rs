//! `/v1/campaigns`: the engine's campaigns, mirrored, with live counts.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::schedule;
use super::show;
use crate::config::duration;
use crate::domain::bad_input::BadInput;
use crate::domain::campaign::CampaignStatus;
use crate::domain::ids::CampaignId;
use crate::store::{CampaignRow, Error};
use crate::web::app::App;
use crate::web::json::{Fields, Json, object};
use crate::web::page::{List, Page, Query};
use crate::web::path::Id;
use crate::web::problem::Problem;

const NAME_CHARS_MAX: usize = 500;
const DAILY_CAP_MAX: i64 = 1_000_000;

/// One page, in the order in which they appeared.
///
/// # Errors
/// 422 for a parameter that can't be read; the store's.
pub async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let after = query.number_cursor(List::Campaigns)?.unwrap_or(0);
    let page = app
        .view_once(&app.answers().campaigns, (after, limit), move |r| {
            let rows = r
                .campaigns(after, limit + 1)?
                .into_iter()
                .map(|row| Ok((row.seq, show::campaign(&row, &r.campaign_counts(&row.id)?))))
                .collect::<Result<Vec<_>, Error>>()?;
            let page = Page::cut(
                List::Campaigns,
                rows,
                limit,
                |row| row.0.to_string(),
                |row| row.1,
            );
            Ok(Arc::new(page))
        })
        .await?;
    Ok(Json(&*page).into_response())
}

/// One.
///
/// # Errors
/// 404; the store's.
pub async fn get(State(app): State<App>, Id(id): Id<CampaignId>) -> Result<Response, Problem> {
    let shown = app
        .view_once(&app.answers().campaign, id.clone(), move |r| {
            let row = r
                .campaign(&id)?
                .ok_or_else(|| Error::not_found("campaign", id.as_str()))?;
            Ok(show::campaign(&row, &r.campaign_counts(&id)?))
        })
        .await?;
    Ok(Json(shown).into_response())
}

/// Creates one (201) or changes the one with this id (200).
///
/// # Errors
/// 409 `no-usable-prospects`; 422 for a field that can't be read; the store's.
pub async fn post(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    let fields = object(&body)?;
    let id = fields.required("id", CampaignId::parse)?;
    let (shown, is_new) = change(&app, id, &fields, true).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(shown)).into_response())
}

/// Changes what is named; `null` clears.
///
/// # Errors
/// 404; 409 `no-usable-prospects`; 422 for a field that can't be read; the store's.
pub async fn patch(
    State(app): State<App>,
    Id(id): Id<CampaignId>,
    body: Bytes,
) -> Result<Response, Problem> {
    let (shown, _) = change(&app, id, &object(&body)?, false).await?;
    Ok(Json(shown).into_response())
}

async fn change(
    app: &App,
    id: CampaignId,
    fields: &Fields,
    create: bool,
) -> Result<(Value, bool), Problem> {
    let wanted = Wanted::read(fields)?;
    let now = app.clock.now();
    let (row, is_new) = app
        .store
        .write(move |tx| {
            let found = tx.campaign(&id)?;
            let is_new = found.is_none();
            if is_new && !create {
                return Err(Error::not_found("campaign", id.as_str()));
            }
            let mut row = found.unwrap_or_else(|| CampaignRow::new(id.clone()));
            if wanted.status == Some(CampaignStatus::Running) && !tx.has_usable_prospects(&id)? {
                return Err(Error::conflict(
                    "no-usable-prospects",
                    "No enrollment of this campaign has a LinkedIn identity that a signal could be tied to; enroll some first.",
                ));
            }
            wanted.apply(&mut row);
            tx.put_campaign(&row, now)?;
            Ok((row, is_new))
        })
        .await?;
    // Its enrollments may be open now, and steps that waited may be due.
    app.wakes.poll.activate();
    app.wakes.steps.activate();
    // Counted outside the writer, which others wait for.
    let counted = row.id.clone();
    let counts = app.store.view(move |r| r.campaign_counts(&counted)).await?;
    Ok((show::campaign(&row, &counts), is_new))
}

/// A span as it was written, and in milliseconds.
type Span = (String, i64);

/// What is to change. The outer `None` means left out, the inner one `null`.
struct Wanted {
    name: Option<Option<String>>,
    status: Option<CampaignStatus>,
    accept_window: Option<Option<Span>>,
    not_accepted_after: Option<Option<Span>>,
    schedule: Option<Option<String>>,
    daily_cap: Option<Option<i64>>,
}

impl Wanted {
    fn read(fields: &Fields) -> Result<Self, BadInput> {
        let status = fields.parsed("status", str::parse)?;
        if status == Some(None) {
            return Err(BadInput::field("status", "A campaign always has a status."));
        }
        Ok(Self {
            name: fields.text("name", NAME_CHARS_MAX)?,
            status: status.flatten(),
            accept_window: fields.parsed("acceptWindow", span)?,
            not_accepted_after: fields.parsed("notAcceptedAfter", span)?,
            schedule: schedule::read(fields.value("schedule"))?,
            daily_cap: fields.integer("dailyCap", 1..=DAILY_CAP_MAX)?,
        })
    }

    fn apply(self, row: &mut CampaignRow) {
        if let Some(status) = self.status {
            row.status = status;
            row.status_was_set = true;
        }
        if let Some(name) = self.name {
            row.name = name;
        }
        if let Some(span) = self.accept_window {
            row.accept_window = span;
        }
        if let Some(span) = self.not_accepted_after {
            row.not_accepted_after = span;
        }
        if let Some(schedule) = self.schedule {
            row.schedule = schedule;
        }
        if let Some(cap) = self.daily_cap {
            row.daily_cap = cap;
        }
    }
}

fn span(text: &str) -> Result<Span, String> {
    let duration = duration(text, false)?;
    let ms = i64::try_from(duration.as_millis())
        .map_err(|_| "this is longer than can be counted".to_owned())?;
    Ok((text.to_owned(), ms))
}
