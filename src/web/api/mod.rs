//! The API under `/v1` (contract section 8).

pub mod stats;
pub mod stream;

use axum::Router;
use axum::routing::get;

use super::app::App;

/// Every route of the API. Who may use them is judged around them.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/stats", get(stats::all))
        .route("/v1/campaigns/{id}/stats", get(stats::of_campaign))
        .route("/v1/stream", get(stream::stream))
}
