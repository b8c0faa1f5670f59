//! `GET /v1/events`: every event, oldest first, for clients that pull.

use axum::extract::State;

use crate::api::events::{EventList, EventParams};
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::problem::Problem;

/// List every event, oldest first, for those who pull
///
/// Keep the `cursor` of the last page and give it back as `after`. It is never null, not even if there is nothing new.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "listEvents",
    tag = "events",
    params(EventParams),
    responses((status = 200, description = "Done.", body = EventList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<EventParams>,
) -> Result<Json<EventList>, Problem> {
    let unknown = || {
        Problem::invalid(
            "after",
            "after must be the id of an event, or the cursor of the page before.",
        )
    };
    let after = match params.after {
        None => 0,
        // A caller without a cursor may write the parameter without a value.
        Some(empty) if empty.is_empty() => 0,
        Some(id) if id.starts_with("evt_") => app
            .store
            .view(move |r| r.event_seq(&id))
            .await?
            .ok_or_else(unknown)?,
        Some(text) => List::Events
            .key(&text)
            .and_then(|key| key.parse().ok())
            .ok_or_else(unknown)?,
    };
    let rows = app
        .store
        .view(move |r| r.events_after(after, params.limit.get()))
        .await?;
    let last = rows.last().map_or(after, |row| row.seq);
    let items = rows
        .iter()
        // The database holds only valid JSON. The body of an erased event is missing.
        .filter_map(|row| serde_json::from_str(row.body.as_deref()?).ok())
        .collect();
    Ok(Json(EventList {
        items,
        cursor: List::Events.cursor(&last.to_string()),
    }))
}
