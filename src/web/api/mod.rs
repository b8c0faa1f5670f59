//! The API under `/v1`: one file per resource, and one per verb where a resource has many. See `docs/rules/api.md`.

mod accounts;
mod audit;
mod campaigns;
mod deliveries;
mod destinations;
mod enrollments;
mod events;
mod imports;
mod invite_results;
mod resync;
mod show;
mod signals;
mod stats;
mod stream;

use utoipa_axum::routes;

use super::routes::{Need, Routes};
use crate::domain::role::Role;

const READ: Need = Need::Role(Role::Read);
const ENROLL: Need = Need::Role(Role::Enroll);
const OPERATE: Need = Need::Role(Role::Operate);
const ADMIN: Need = Need::Role(Role::Admin);

/// Every call of the API, with the least role that it needs. Method and path stand above each handler.
#[must_use]
pub fn routes() -> Routes {
    Routes::default()
        .serve(READ, routes!(enrollments::list))
        .serve(ENROLL, routes!(enrollments::upsert))
        .serve(READ, routes!(enrollments::get))
        .serve(ENROLL, routes!(enrollments::patch))
        .serve(ADMIN, routes!(enrollments::delete))
        .serve(OPERATE, routes!(enrollments::stamp))
        .serve(OPERATE, routes!(enrollments::next_step))
        .serve(OPERATE, routes!(resync::prospect))
        .serve(OPERATE, routes!(resync::account))
        .serve(OPERATE, routes!(resync::all))
        .serve(ENROLL, routes!(invite_results::post))
        .upload(ENROLL, routes!(imports::post))
        .serve(READ, routes!(imports::list))
        .serve(READ, routes!(imports::get))
        .serve(ENROLL, routes!(imports::delete))
        .serve(READ, routes!(campaigns::list))
        .serve(OPERATE, routes!(campaigns::post))
        .serve(READ, routes!(campaigns::get))
        .serve(OPERATE, routes!(campaigns::patch))
        .serve(READ, routes!(stats::of_campaign))
        .serve(READ, routes!(stats::all))
        .serve(READ, routes!(stream::stream))
        .serve(READ, routes!(accounts::list))
        .serve(READ, routes!(signals::list))
        .serve(READ, routes!(signals::get))
        .serve(ADMIN, routes!(audit::list))
        .serve(READ, routes!(events::list))
        .serve(READ, routes!(deliveries::list))
        .serve(OPERATE, routes!(deliveries::replay_all))
        .serve(OPERATE, routes!(deliveries::replay))
        .serve(READ, routes!(destinations::list))
        .serve(OPERATE, routes!(destinations::test))
        .serve(OPERATE, routes!(destinations::enable))
}
