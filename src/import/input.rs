//! A row as the API takes it, checked and ready to be stored.

use serde_json::Value;

use super::row::Row;
use crate::api::enrollments::EnrollmentInput;
use crate::api::fields::TextPatch;
use crate::api::read::from_json;
use crate::domain::bad_input::BadInput;
use crate::domain::identity::is_placeholder;
use crate::domain::ids::EnrollmentId;
use crate::domain::patch::Patch;
use crate::domain::time::Timestamp;
use crate::reconcile::{FileRow, Upsert};

/// Reads a row of a file by the rules of the API.
///
/// # Errors
/// Returns the field that is wrong.
pub fn imported_row(row: Row, now: Timestamp) -> Result<FileRow, BadInput> {
    let derived_id = row.derived_id.and_then(|id| EnrollmentId::parse(&id).ok());
    let upsert = upsert_of(from_json(Value::Object(row.fields))?, now)?;
    Ok(FileRow { upsert, derived_id })
}

/// Returns what a row of the API asks for.
///
/// # Errors
/// Returns the field that is wrong.
pub fn upsert_of(input: EnrollmentInput, now: Timestamp) -> Result<Upsert, BadInput> {
    Ok(Upsert {
        id: input.id,
        account: input.account_id,
        campaign: input.campaign_id,
        campaign_name: input.campaign_name.into(),
        linkedin_url: without_placeholder(input.linkedin_url),
        provider_id: without_placeholder(input.provider_id),
        name: input.name.into(),
        headline: input.headline.into(),
        company: input.company.into(),
        invited_at: input.invited_at.try_map(|at| at.until(now, "invitedAt"))?,
        note: input.note.into(),
    })
}

/// A field that identifies a person. A placeholder identifies nobody, so it means the same as null.
fn without_placeholder<const MAX: usize>(field: TextPatch<MAX>) -> Patch<String> {
    Patch::<String>::from(field).and_then(|text| (!is_placeholder(&text)).then_some(text))
}
