//! The API under `/v1`: one file per resource, and one per verb where a resource has many. See `docs/rules/api.md`.

mod accounts;
mod campaigns;
mod deliveries;
mod destinations;
mod enrollments;
mod events;
mod invite_results;
mod resync;
mod show;
mod signals;
mod stats;
mod stream;

use axum::http::Method;

use super::routes::{Need, Routes};
use crate::domain::role::Role;

const READ: Need = Need::Role(Role::Read);
const ENROLL: Need = Need::Role(Role::Enroll);
const OPERATE: Need = Need::Role(Role::Operate);
const ADMIN: Need = Need::Role(Role::Admin);

/// Every route of the API, with the least role that it asks for.
#[must_use]
pub fn routes() -> Routes {
    let one = "/v1/enrollments/{id}";
    Routes::default()
        .get("/v1/enrollments", READ, enrollments::list)
        .post("/v1/enrollments", ENROLL, enrollments::upsert)
        .get(one, READ, enrollments::get)
        .on(Method::PATCH, one, ENROLL, enrollments::patch)
        .on(Method::DELETE, one, ADMIN, enrollments::delete)
        .post("/v1/enrollments/{id}/stamp", OPERATE, enrollments::stamp)
        .post(
            "/v1/enrollments/{id}/next-step",
            OPERATE,
            enrollments::next_step,
        )
        .post("/v1/enrollments/{id}/resync", OPERATE, resync::prospect)
        .post("/v1/accounts/{id}/resync", OPERATE, resync::account)
        .post("/v1/resync", OPERATE, resync::all)
        .post("/v1/invite-results", ENROLL, invite_results::post)
        .get("/v1/campaigns", READ, campaigns::list)
        .post("/v1/campaigns", OPERATE, campaigns::post)
        .get("/v1/campaigns/{id}", READ, campaigns::get)
        .on(
            Method::PATCH,
            "/v1/campaigns/{id}",
            OPERATE,
            campaigns::patch,
        )
        .get("/v1/campaigns/{id}/stats", READ, stats::of_campaign)
        .get("/v1/stats", READ, stats::all)
        .get("/v1/stream", READ, stream::stream)
        .get("/v1/accounts", READ, accounts::list)
        .get("/v1/signals", READ, signals::list)
        .get("/v1/signals/{id}", READ, signals::get)
        .get("/v1/events", READ, events::list)
        .get("/v1/deliveries", READ, deliveries::list)
        .post("/v1/deliveries/replay", OPERATE, deliveries::replay_all)
        .post("/v1/deliveries/{id}/replay", OPERATE, deliveries::replay)
        .get("/v1/destinations", READ, destinations::list)
        .post("/v1/destinations/{name}/test", OPERATE, destinations::test)
        .post(
            "/v1/destinations/{name}/enable",
            OPERATE,
            destinations::enable,
        )
}
