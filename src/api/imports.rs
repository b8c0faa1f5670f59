//! Imports of files.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::Page;
use crate::domain::ids::{AccountId, CampaignId};
use crate::domain::time::Timestamp;

/// What to do with a file.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ImportParams {
    /// The account of rows that name none.
    pub account: Option<AccountId>,
    /// The campaign of rows that name none.
    pub campaign: Option<CampaignId>,
    /// The name of the campaign of rows that name none. Without `campaign`, its id is derived from the name.
    #[param(max_length = 500)]
    pub campaign_name: Option<String>,
    /// Whether to say what the import would do, and store nothing.
    #[param(value_type = Option<bool>)]
    pub dry_run: bool,
}

/// Where an import is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    strum::IntoStaticStr,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ImportState {
    /// Rows are being stored.
    Running,
    /// Every row was stored or failed.
    Done,
    /// The daemon stopped before the end. Importing the same file again completes it.
    Interrupted,
}

/// An import, as far as it got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "importId": "import_0198c5", "state": "done", "dryRun": false, "createdAt": "2026-05-12T09:00:00.000Z",
    "encoding": "utf-8", "separator": ",", "columns": [{"header": "LinkedIn URL", "field": "linkedinUrl"}],
    "rowsTotal": 1, "rows": 1, "created": 1, "updated": 0, "unchanged": 0, "failed": 0, "noUsableIdentity": 0, "duplicates": 0,
    "unknownAccounts": [], "errors": [],
    "preview": [{"id": "enr_1", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/ada-lovelace"}]
})))]
pub struct ImportReport {
    /// Its id. Null for a dry run that was answered at once.
    pub import_id: Option<String>,
    pub state: ImportState,
    /// Whether nothing was stored.
    pub dry_run: bool,
    pub created_at: Timestamp,
    /// How the bytes were read: `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`.
    pub encoding: String,
    /// What separates the cells. Null for NDJSON.
    pub separator: Option<String>,
    /// What each column was taken for.
    pub columns: Vec<ImportColumn>,
    /// How many rows the file has.
    #[schema(minimum = 0)]
    pub rows_total: u64,
    /// How many rows were handled so far.
    #[schema(minimum = 0)]
    pub rows: u64,
    #[schema(minimum = 0)]
    pub created: u64,
    #[schema(minimum = 0)]
    pub updated: u64,
    #[schema(minimum = 0)]
    pub unchanged: u64,
    #[schema(minimum = 0)]
    pub failed: u64,
    /// Rows that were stored with nothing that says who the person is, so that no signal can be matched to them.
    #[schema(minimum = 0)]
    pub no_usable_identity: u64,
    /// Rows whose enrollment an earlier row of the file has.
    #[schema(minimum = 0)]
    pub duplicates: u64,
    /// Accounts of the file that are not in the provider's list of accounts. Empty if the list was not read.
    pub unknown_accounts: Vec<String>,
    /// What was wrong with rows, and what was left out of them: the first 1,000.
    pub errors: Vec<ImportError>,
    /// The first 20 rows as they were understood. Empty once the daemon was started anew.
    #[schema(value_type = Vec<Object>)]
    pub preview: Vec<Value>,
}

/// What a column was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportColumn {
    /// Its header, or its key in NDJSON.
    pub header: String,
    /// The field that it fills; null if it is ignored.
    pub field: Option<String>,
}

/// What is wrong with a row, or was left out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportError {
    /// The line on which the row begins.
    #[schema(minimum = 1)]
    pub line: u64,
    /// The column, if it is about one.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub detail: String,
}

/// A page of imports, newest first.
pub type ImportList = Page<ImportReport>;

/// An import that goes on after its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({"importId": "import_0198c5"})))]
pub struct ImportStarted {
    /// Ask for the import by this id.
    pub import_id: String,
}

/// What taking an import back did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(json!({
    "importId": "import_0198c5", "deleted": 41, "kept": 1,
    "keptEnrollments": [{"id": "enr_1", "reason": "The invitation was accepted."}]
})))]
pub struct ImportTakenBack {
    pub import_id: String,
    /// How many enrollments were deleted.
    #[schema(minimum = 0)]
    pub deleted: u64,
    /// How many enrollments stay, because something happened to them since.
    #[schema(minimum = 0)]
    pub kept: u64,
    /// The enrollments that stay: the first 1,000.
    pub kept_enrollments: Vec<KeptEnrollment>,
}

/// An enrollment that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptEnrollment {
    pub id: String,
    /// Why it stays.
    pub reason: String,
}
