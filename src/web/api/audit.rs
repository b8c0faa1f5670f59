//! `GET /v1/audit`: who changed what, newest first. See `docs/rules/security.md`.

use axum::extract::State;

use crate::api::audit::{AuditEntry, AuditList};
use crate::api::page::PageParams;
use crate::store::AuditRow;
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::problem::Problem;

/// List changes, newest first
///
/// Who changed what: one entry for each request or signal that changed something. Webhooks leave none. Entries are kept for a year.
#[utoipa::path(
    get,
    path = "/v1/audit",
    operation_id = "listAudit",
    tag = "audit",
    params(PageParams),
    responses((status = 200, description = "Done.", body = AuditList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<PageParams>,
) -> Result<Json<AuditList>, Problem> {
    let limit = params.limit;
    let before = List::Audit.start_number(params.cursor.as_deref())?;
    let rows = app
        .store
        .view(move |r| r.audit(before, limit.get() + 1))
        .await?;
    let page = List::Audit.page(rows, limit, |row| row.id.to_string(), show);
    Ok(Json(page))
}

fn show(row: AuditRow) -> AuditEntry {
    AuditEntry {
        at: row.at,
        actor: row.actor,
        via: row.via,
        action: row.action,
        subject: row.subject,
        peer: row.peer,
    }
}
