//! `GET /v1/enrollments`: filtered, in the order in which they were enrolled.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::domain::enrollment::Status;
use crate::domain::ids::{AccountId, CampaignId};
use crate::domain::signal::Path;
use crate::store::EnrollmentFilter;
use crate::web::api::show;
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::page::{List, Page, Query};
use crate::web::problem::Problem;

const Q_CHARS_MAX: usize = 256;

/// One page.
///
/// # Errors
/// 422 for a filter that can't be read; the store's.
pub async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let filter = EnrollmentFilter {
        campaign: query.id("campaign", CampaignId::parse)?,
        account: query.id("account", AccountId::parse)?,
        status: query.parsed::<Status>("status")?,
        late: query.flag("late")?,
        path: query.parsed::<Path>("path")?,
        connected: query.flag("connected")?,
        q: wanted(&query)?,
        after: query.number_cursor(List::Enrollments)?,
    };
    let rows = app
        .store
        .view(move |r| r.enrollments(&filter, limit + 1))
        .await?;
    let page = Page::cut(
        List::Enrollments,
        rows,
        limit,
        |e| e.seq.to_string(),
        |e| show::enrollment(&e),
    );
    Ok(Json(page).into_response())
}

/// What is searched for. SQLite takes no pattern of any length, and nobody types one.
fn wanted(query: &Query) -> Result<Option<String>, Problem> {
    let text = query.text("q")?.filter(|q| !q.is_empty());
    if text
        .as_ref()
        .is_some_and(|q| q.chars().nth(Q_CHARS_MAX).is_some())
    {
        return Err(Problem::invalid(
            "q",
            format!("q must have at most {Q_CHARS_MAX} characters."),
        ));
    }
    Ok(text)
}
