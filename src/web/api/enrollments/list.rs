//! `GET /v1/enrollments`: a filtered list.

use axum::extract::State;

use crate::api::enrollments::{EnrollmentList, EnrollmentParams};
use crate::domain::enrollment::Enrollment;
use crate::store::EnrollmentFilter;
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::problem::Problem;

const Q_CHARS_MAX: usize = 256;

/// List enrollments
///
/// In the order in which they were enrolled.
#[utoipa::path(
    get,
    path = "/v1/enrollments",
    operation_id = "listEnrollments",
    tag = "enrollments",
    params(EnrollmentParams),
    responses((status = 200, description = "Done.", body = EnrollmentList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<EnrollmentParams>,
) -> Result<Json<EnrollmentList>, Problem> {
    let limit = params.limit;
    let filter = EnrollmentFilter {
        campaign: params.campaign.map(String::from),
        account: params.account.map(String::from),
        status: params.status,
        late: params.late,
        path: params.path,
        connected: params.connected,
        q: search_text(params.q)?,
        after: List::Enrollments.start_number(params.cursor.as_deref())?,
    };
    let rows = app
        .store
        .view(move |r| r.enrollments(&filter, limit.get() + 1))
        .await?;
    let show = |e: Enrollment| (&e).into();
    Ok(Json(List::Enrollments.page(
        rows,
        limit,
        |e| e.seq.to_string(),
        show,
    )))
}

/// Checks the length of a search text, because SQLite refuses long patterns. An empty text searches for nothing.
fn search_text(q: Option<String>) -> Result<Option<String>, Problem> {
    let text = q.filter(|q| !q.is_empty());
    if text
        .as_ref()
        .is_some_and(|q| q.chars().nth(Q_CHARS_MAX).is_some())
    {
        return Err(Problem::invalid(
            "q",
            format!("q must have at most {Q_CHARS_MAX} characters."),
        ));
    }
    Ok(text)
}
