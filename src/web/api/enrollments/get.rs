//! `GET /v1/enrollments/{id}`: one enrollment with its signals and deliveries.

use axum::extract::State;

use crate::api::enrollments::{EnrollmentDetail, RawParams};
use crate::domain::ids::EnrollmentId;
use crate::store::Error;
use crate::web::api::show;
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Get one enrollment with its signals and deliveries, both oldest first
#[utoipa::path(
    get,
    path = "/v1/enrollments/{id}",
    operation_id = "getEnrollment",
    tag = "enrollments",
    params(("id" = EnrollmentId, Path, description = "The enrollment."), RawParams),
    responses((status = 200, description = "Done.", body = EnrollmentDetail))
)]
pub async fn get(
    State(app): State<App>,
    Id(id): Id<EnrollmentId>,
    Params(RawParams { raw }): Params<RawParams>,
) -> Result<Json<EnrollmentDetail>, Problem> {
    let shown = app
        .store
        .view(move |r| {
            let e = r
                .enrollment(&id)?
                .ok_or_else(|| Error::not_found("enrollment", id.as_str()))?;
            let signals = r.signals_of_enrollment(&id)?;
            let deliveries = r.deliveries_of_enrollment(id.as_str())?;
            Ok(EnrollmentDetail {
                enrollment: (&e).into(),
                signals: signals.iter().map(|s| show::signal(s, raw)).collect(),
                deliveries: deliveries.iter().map(show::delivery).collect(),
            })
        })
        .await?;
    Ok(Json(shown))
}
