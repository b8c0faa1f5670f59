//! `POST /v1/enrollments`: upserts one or up to 1,000, with an answer per row.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::bad_input::BadInput;
use crate::domain::identity::is_placeholder;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};
use crate::domain::time::Timestamp;
use crate::reconcile::{EnrollOutcome, Enrolled, Routine, Upsert};
use crate::store::Error;
use crate::web::app::App;
use crate::web::json::{Fields, Json, parse};
use crate::web::problem::Problem;

const ROWS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 1_000;
const TEXT_CHARS_MAX: usize = 2_000;
const URL_CHARS_MAX: usize = 2_048;
const PROVIDER_ID_CHARS_MAX: usize = 512;
const CAMPAIGN_NAME_CHARS_MAX: usize = 500;
const NOTE_CHARS_MAX: usize = 4_000;

/// A row as it was sent: its id for the answer, and what it asks for.
#[derive(Clone)]
struct Row {
    id: Value,
    wanted: Result<Upsert, BadInput>,
}

/// What became of a row.
type Done = Result<Enrolled, BadInput>;

/// Upserts.
///
/// # Errors
/// 400 for no JSON, 422 for neither an object nor an array of at most 1,000; the store's. A bad row is no error.
pub async fn upsert(State(app): State<App>, body: Bytes) -> Result<Response, Problem> {
    let now = app.clock.now();
    let rows: Vec<Row> = match parse(&body)? {
        Value::Array(rows) if rows.len() > ROWS_MAX => {
            return Err(invalid(format!("At most {ROWS_MAX} rows at a time.")));
        }
        Value::Array(rows) => rows.into_iter().map(|row| Row::read(row, now)).collect(),
        row @ Value::Object(_) => vec![Row::read(row, now)],
        _ => return Err(invalid("Send an object or an array of objects.".to_owned())),
    };
    let done = store(&app, &rows).await?;
    let results: Vec<Value> = rows.iter().zip(&done).map(show).collect();
    let count = |outcome| {
        done.iter()
            .filter(|d| d.as_ref().is_ok_and(|e| e.outcome == outcome))
            .count()
    };
    Ok(Json(json!({
        "created": count(EnrollOutcome::Created),
        "updated": count(EnrollOutcome::Updated),
        "unchanged": count(EnrollOutcome::Unchanged),
        "failed": done.iter().filter(|d| d.is_err()).count(),
        "results": results,
    }))
    .into_response())
}

fn invalid(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// Stores the rows in one transaction; when one of them turns out to be impossible, each in its own, so that it fails alone.
async fn store(app: &App, rows: &[Row]) -> Result<Vec<Done>, Problem> {
    let all = rows.to_vec();
    let together = app
        .reconciler
        .run(move |routine| all.iter().map(|row| row.store(routine)).collect())
        .await;
    match together {
        Ok(done) => Ok(done),
        Err(Error::Internal(why)) if rows.len() > 1 => {
            tracing::error!(%why, "a row of an upsert can't be stored; trying each by itself");
            let mut done = Vec::with_capacity(rows.len());
            for row in rows {
                let row = row.clone();
                let alone = app.reconciler.run(move |routine| row.store(routine)).await;
                done.push(match alone {
                    Ok(done) => done,
                    Err(Error::Internal(_)) => Err(BadInput::body(
                        "This row can't be stored; the log says why.",
                    )),
                    Err(error) => return Err(error.into()),
                });
            }
            Ok(done)
        }
        Err(error) => Err(error.into()),
    }
}

impl Row {
    fn read(row: Value, now: Timestamp) -> Self {
        let Value::Object(map) = row else {
            return Self {
                id: Value::Null,
                wanted: Err(BadInput::body("A row must be an object.")),
            };
        };
        let id = map.get("id").cloned().unwrap_or_default();
        Self {
            id: if id.is_string() { id } else { Value::Null },
            wanted: wanted(&Fields::new(map), now),
        }
    }

    fn store(&self, routine: &mut Routine<'_>) -> Result<Done, Error> {
        let upsert = match &self.wanted {
            Ok(upsert) => upsert,
            Err(bad) => return Ok(Err(bad.clone())),
        };
        match routine.enroll(upsert) {
            Ok(enrolled) => Ok(Ok(enrolled)),
            Err(Error::BadInput(bad)) => Ok(Err(bad)),
            Err(Error::Conflict { detail, .. }) => Ok(Err(BadInput::body(detail))),
            Err(error) => Err(error),
        }
    }
}

fn wanted(fields: &Fields, now: Timestamp) -> Result<Upsert, BadInput> {
    let account = fields.parsed("accountId", AccountId::parse)?;
    if account == Some(None) {
        return Err(BadInput::field(
            "accountId",
            "An enrollment always has an account.",
        ));
    }
    Ok(Upsert {
        id: fields.required("id", EnrollmentId::parse)?,
        account: account.flatten(),
        campaign: fields.parsed("campaignId", CampaignId::parse)?,
        campaign_name: fields.text("campaignName", CAMPAIGN_NAME_CHARS_MAX)?,
        linkedin_url: named(fields.text("linkedinUrl", URL_CHARS_MAX)?),
        provider_id: named(fields.text("providerId", PROVIDER_ID_CHARS_MAX)?),
        name: fields.text("name", NAME_CHARS_MAX)?,
        headline: fields.text("headline", TEXT_CHARS_MAX)?,
        company: fields.text("company", NAME_CHARS_MAX)?,
        invited_at: fields.past_time("invitedAt", now)?,
        note: fields.text("note", NOTE_CHARS_MAX)?,
    })
}

/// A field that names a person. A placeholder names nobody, so it says the same as null.
fn named(field: Option<Option<String>>) -> Option<Option<String>> {
    field.map(|value| value.filter(|text| !is_placeholder(text)))
}

fn show((row, done): (&Row, &Done)) -> Value {
    let (outcome, no_usable_identity, error) = match done {
        Ok(enrolled) => {
            let outcome = match enrolled.outcome {
                EnrollOutcome::Created => "created",
                EnrollOutcome::Updated => "updated",
                EnrollOutcome::Unchanged => "unchanged",
            };
            (outcome, enrolled.no_usable_identity, Value::Null)
        }
        Err(bad) => (
            "failed",
            false,
            json!({"field": bad.field, "detail": bad.detail}),
        ),
    };
    json!({
        "id": row.id, "outcome": outcome, "noUsableIdentity": no_usable_identity, "error": error,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::json::tests::any_json;

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
