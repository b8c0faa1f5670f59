//! The API under `/v1` (contract section 8): one file per noun, and per verb where a noun has many.

mod accounts;
mod campaigns;
mod deliveries;
mod destinations;
mod enrollments;
mod events;
mod invite_results;
mod resync;
mod schedule;
mod show;
mod signals;
mod stats;
mod stream;

use axum::Router;
use axum::routing::{any, get, post};

use super::app::App;
use super::route::unknown;

/// Every route of the API, still open to everybody.
pub fn routes() -> Router<App> {
    Router::new()
        .route(
            "/v1/enrollments",
            get(enrollments::list).post(enrollments::upsert),
        )
        .route(
            "/v1/enrollments/{id}",
            get(enrollments::get)
                .patch(enrollments::patch)
                .delete(enrollments::delete),
        )
        .route("/v1/enrollments/{id}/stamp", post(enrollments::stamp))
        .route(
            "/v1/enrollments/{id}/next-step",
            post(enrollments::next_step),
        )
        .route("/v1/enrollments/{id}/resync", post(resync::prospect))
        .route("/v1/accounts/{id}/resync", post(resync::account))
        .route("/v1/resync", post(resync::all))
        .route("/v1/invite-results", post(invite_results::post))
        .route("/v1/campaigns", get(campaigns::list).post(campaigns::post))
        .route(
            "/v1/campaigns/{id}",
            get(campaigns::get).patch(campaigns::patch),
        )
        .route("/v1/campaigns/{id}/stats", get(stats::of_campaign))
        .route("/v1/stats", get(stats::all))
        .route("/v1/stream", get(stream::stream))
        .route("/v1/accounts", get(accounts::list))
        .route("/v1/signals", get(signals::list))
        .route("/v1/signals/{id}", get(signals::get))
        .route("/v1/events", get(events::list))
        .route("/v1/deliveries", get(deliveries::list))
        .route("/v1/deliveries/replay", post(deliveries::replay_all))
        .route("/v1/deliveries/{id}/replay", post(deliveries::replay))
        .route("/v1/destinations", get(destinations::list))
        .route("/v1/destinations/{name}/test", post(destinations::test))
        .route("/v1/destinations/{name}/enable", post(destinations::enable))
        // What is not there is nobody's business either who has no token.
        .route("/v1/{*rest}", any(unknown))
}
