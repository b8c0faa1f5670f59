//! `GET /v1/events`: every event, oldest first, for those who pull instead of being sent to.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::web::app::App;
use crate::web::json::Json;
use crate::web::page::{List, Page, Query, cursor, read_cursor};
use crate::web::problem::Problem;

/// One page of webhook bodies. Its cursor is never null: with nothing new it says where to ask again.
///
/// # Errors
/// 422 for an `after` that is neither an event nor a cursor of this list; the store's.
pub async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let unknown = || {
        Problem::invalid(
            "after",
            "after must be the id of an event, or the cursor of the page before.",
        )
    };
    let after = match query.text("after")? {
        None => 0,
        // How one who has no cursor yet writes it.
        Some(empty) if empty.is_empty() => 0,
        Some(id) if id.starts_with("evt_") => app
            .store
            .view(move |r| r.event_seq(&id))
            .await?
            .ok_or_else(unknown)?,
        Some(text) => read_cursor(List::Events, &text)
            .and_then(|key| key.parse().ok())
            .ok_or_else(unknown)?,
    };
    let rows = app
        .store
        .view(move |r| r.events_after(after, limit))
        .await?;
    let last = rows.last().map_or(after, |row| row.seq);
    let items: Vec<Value> = rows
        .iter()
        // The database holds valid JSON only, and leaves out erased ones.
        .filter_map(|row| serde_json::from_str(row.body.as_deref()?).ok())
        .collect();
    let page = Page {
        items,
        cursor: Some(cursor(List::Events, &last.to_string())),
    };
    Ok(Json(page).into_response())
}
