//! `POST /v1/enrollments`: creates or changes up to 1,000 enrollments, with an answer per row.

use axum::Extension;
use axum::extract::State;
use serde_json::Value;

use crate::api::enrollments::{EnrollmentRows, RowError, RowOutcome, UpsertResult, UpsertRow};
use crate::api::read::from_json;
use crate::domain::audit::AuditContext;
use crate::domain::bad_input::BadInput;
use crate::domain::time::Timestamp;
use crate::import::input::upsert_of;
use crate::reconcile::{EnrollOutcome, RowResult, Upsert};
use crate::web::app::App;
use crate::web::input::Body;
use crate::web::json::Json;
use crate::web::problem::Problem;

/// A row as it was sent: its id for the answer, and what it asks for.
struct Row {
    id: Option<String>,
    wanted: Result<Upsert, BadInput>,
}

/// Create or change one enrollment or up to 1,000
///
/// Answers row by row. A bad row is reported as `failed` and the others are stored. A row also fails if its `linkedinUrl` and
/// `providerId` name two people. A campaign appears with its first enrollment.
#[utoipa::path(
    post,
    path = "/v1/enrollments",
    operation_id = "upsertEnrollments",
    tag = "enrollments",
    request_body = EnrollmentRows,
    responses((status = 200, description = "Done.", body = UpsertResult))
)]
pub async fn upsert(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Body(EnrollmentRows(rows)): Body<EnrollmentRows>,
) -> Result<Json<UpsertResult>, Problem> {
    let now = app.clock.now();
    let rows: Vec<Row> = rows.into_iter().map(|row| Row::read(row, now)).collect();
    let wanted = rows.iter().map(|row| row.wanted.clone()).collect();
    let done = app.writes.upsert(context, wanted).await?;
    let results: Vec<UpsertRow> = rows.into_iter().zip(done).map(show).collect();
    let count = |outcome| results.iter().filter(|row| row.outcome == outcome).count();
    Ok(Json(UpsertResult {
        created: count(RowOutcome::Created),
        updated: count(RowOutcome::Updated),
        unchanged: count(RowOutcome::Unchanged),
        failed: count(RowOutcome::Failed),
        results,
    }))
}

impl Row {
    fn read(row: Value, now: Timestamp) -> Self {
        let id = row.get("id").and_then(Value::as_str).map(str::to_owned);
        let wanted = if row.is_object() {
            from_json(row).and_then(|input| upsert_of(input, now))
        } else {
            Err(BadInput::body("A row must be an object."))
        };
        Self { id, wanted }
    }
}

fn show((row, done): (Row, RowResult)) -> UpsertRow {
    let (outcome, no_usable_identity, error) = match done {
        Ok(enrolled) => {
            let outcome = match enrolled.outcome {
                EnrollOutcome::Created => RowOutcome::Created,
                EnrollOutcome::Updated => RowOutcome::Updated,
                EnrollOutcome::Unchanged => RowOutcome::Unchanged,
            };
            (outcome, enrolled.no_usable_identity, None)
        }
        Err(BadInput { field, detail }) => {
            let error = RowError { field, detail };
            (RowOutcome::Failed, false, Some(error))
        }
    };
    UpsertRow {
        id: row.id,
        outcome,
        no_usable_identity,
        error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::read::any_json;

    const FIELDS: [&str; 11] = [
        "id",
        "accountId",
        "campaignId",
        "campaignName",
        "linkedinUrl",
        "providerId",
        "name",
        "headline",
        "company",
        "invitedAt",
        "note",
    ];

    proptest! {
        #[test]
        fn any_row_is_read_or_is_an_error_of_a_field(
            values in prop::collection::vec(prop::option::of(any_json()), FIELDS.len()), now in 0_i64..4_000_000_000_000,
        ) {
            let row = FIELDS.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect();
            if let Err(bad) = Row::read(Value::Object(row), Timestamp(now)).wanted {
                prop_assert!(bad.field.is_some_and(|field| FIELDS.contains(&field.as_str())));
            }
        }

        #[test]
        fn no_row_makes_it_panic(row in any_json()) {
            let _ = Row::read(row, Timestamp(1_780_000_000_000));
        }
    }
}
