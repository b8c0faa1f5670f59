//! `GET /v1/enrollments/{id}`: one, with everything that was seen of it and where it was told.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::domain::ids::EnrollmentId;
use crate::store::Error;
use crate::web::api::show;
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::page::Query;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// The enrollment with its signals and deliveries, both oldest first.
///
/// # Errors
/// 404; the store's.
pub async fn get(
    State(app): State<App>,
    Id(id): Id<EnrollmentId>,
    query: Query,
) -> Result<Response, Problem> {
    let raw = query.flag("raw")?.unwrap_or(false);
    let shown = app
        .store
        .view(move |r| {
            let e = r
                .enrollment(&id)?
                .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
            let signals = r.signals_of_enrollment(&id)?;
            let deliveries = r.deliveries_of_enrollment(id.as_str())?;
            let mut shown = show::enrollment(&e);
            shown["signals"] = signals
                .iter()
                .map(|s| show::signal(s, raw))
                .collect::<Vec<Value>>()
                .into();
            shown["deliveries"] = deliveries
                .iter()
                .map(show::delivery)
                .collect::<Vec<Value>>()
                .into();
            Ok(shown)
        })
        .await?;
    Ok(Json(shown).into_response())
}
