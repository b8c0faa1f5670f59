//! Resyncs of one prospect, of one account, or of all. See `docs/rules/polling.md`.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;

use crate::api::resyncs::{AccountResyncAccepted, ResyncAccepted, ResyncAllAccepted};
use crate::domain::audit::AuditContext;
use crate::domain::ids::{AccountId, EnrollmentId};
use crate::poll::resync;
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::path::Id;
use crate::web::problem::Problem;

/// Look at the prospect's profile
///
/// One provider call, on the account's next permit. Requests for the same prospect until `spacing` after its call carry the same
/// `resyncId`. 409 if it is already accepted, has no usable identity, its account is unhealthy or has nothing open, or no provider
/// is configured.
#[utoipa::path(
    post,
    path = "/v1/enrollments/{id}/resync",
    operation_id = "resyncEnrollment",
    tag = "enrollments",
    params(("id" = EnrollmentId, Path, description = "The enrollment.")),
    responses(
        (status = 202, description = "The call is made when the account's next permit is due.", body = ResyncAccepted),
        (status = 409),
    )
)]
pub async fn prospect(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(id): Id<EnrollmentId>,
) -> Result<(StatusCode, Json<ResyncAccepted>), Problem> {
    let promise = resync::request_profile(&app.writes, context, app.plan(), id).await?;
    let accepted = ResyncAccepted {
        resync_id: promise.resync_id,
        due_at: promise.due_at,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// Poll an account now
///
/// Within its spacing and budget. If the account has an outage, it is a probe. 409 if it has nothing open, is connected through
/// SendPilot, or no provider is configured.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/resync",
    operation_id = "resyncAccount",
    tag = "accounts",
    params(("id" = AccountId, Path, description = "The account.")),
    responses(
        (status = 202, description = "A poll is due now.", body = AccountResyncAccepted),
        (status = 409),
    )
)]
pub async fn account(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(id): Id<AccountId>,
) -> Result<(StatusCode, Json<AccountResyncAccepted>), Problem> {
    let due = resync::request_poll(&app.writes, context, app.plan(), id.clone()).await?;
    let accepted = AccountResyncAccepted {
        account_id: id,
        due_at: due,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// Poll every account now
///
/// Within spacing and budget. 409 if no provider is configured.
#[utoipa::path(
    post,
    path = "/v1/resync",
    operation_id = "resyncAll",
    tag = "accounts",
    responses(
        (status = 202, description = "The polls are due now.", body = ResyncAllAccepted),
        (status = 409),
    )
)]
pub async fn all(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
) -> Result<(StatusCode, Json<ResyncAllAccepted>), Problem> {
    let accounts = resync::request_all_polls(&app.writes, context, app.plan()).await?;
    Ok((StatusCode::ACCEPTED, Json(ResyncAllAccepted { accounts })))
}
