//! `/v1/imports`: a file of people becomes enrollments. See `docs/rules/import.md`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use url::form_urlencoded;
use uuid::Uuid;

use crate::api::imports::{
    ImportColumn, ImportList, ImportParams, ImportReport, ImportStarted, ImportState,
    ImportTakenBack, KeptEnrollment,
};
use crate::api::page::PageParams;
use crate::api::read;
use crate::domain::audit::AuditContext;
use crate::domain::bad_input::BadInput;
use crate::domain::ids::CampaignId;
use crate::import::columns::Mapping;
use crate::import::job::Job;
use crate::import::prepare::{Options, Prepared, Refusal};
use crate::import::row::Defaults;
use crate::store::{Error, ImportRow};
use crate::web::app::App;
use crate::web::input::Params;
use crate::web::json::Json;
use crate::web::page::List;
use crate::web::path::{Id, ImportId};
use crate::web::problem::Problem;
use crate::web::upload;

/// How many enrollments one step of taking an import back looks at.
const TAKE_BACK_ROWS: usize = 50;
/// How many enrollments that stay are named.
const KEPT_MAX: usize = 1_000;

/// Import a file
///
/// The body is the file: CSV, or NDJSON if its first character is `{`. It has at most 64 MiB, and may be in UTF-8, UTF-16 or
/// Windows-1252. Columns are known by the names that exports give them. A row without an id gets one that is derived from account,
/// campaign and person, so importing a file twice changes nothing.
#[utoipa::path(
    post,
    path = "/v1/imports",
    operation_id = "importFile",
    tag = "imports",
    params(
        ImportParams,
        ("map" = Option<Vec<String>>, Query, description = "What a column means, as `Header=field`. The field `ignore` leaves it out."),
        ("prefer" = Option<String>, Header, description = "`respond-async`: the answer is 202 and the import goes on.")
    ),
    request_body(content = String, content_type = "text/csv", description = "The file.", example = json!("Name,LinkedIn URL\nAda Lovelace,https://www.linkedin.com/in/ada-lovelace\n")),
    responses(
        (status = 200, description = "Done.", body = ImportReport),
        (status = 202, description = "The import runs.", body = ImportStarted),
        (status = 408, description = "The file arrived at less than 16 KiB a second.")
    )
)]
pub async fn post(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    head: Parts,
    body: Body,
) -> Result<Response, Problem> {
    let options = options(head.uri.query().unwrap_or_default())?;
    let is_async = head
        .headers
        .get_all("prefer")
        .iter()
        .any(|value| value.to_str().is_ok_and(|v| v.contains("respond-async")));
    if app.imports().is_full() {
        return Err(Problem::unavailable(
            "Too many imports run at the same time; send this one again later.",
        ));
    }
    let database = app.store.path().to_owned();
    let file = upload::receive(body, &database).await?;
    let prepared = tokio::task::spawn_blocking(move || Prepared::of(file, options, &database))
        .await
        .map_err(|_| Problem::internal())?
        .map_err(refused)?;
    let job = begin(&app, context, &prepared).await?;
    let running = tokio::spawn(job.clone().run(
        prepared,
        app.writes.reconciler().clone(),
        app.clock.clone(),
        app.shutdown.clone(),
    ));
    if is_async {
        let import_id = job.id.clone();
        return Ok((StatusCode::ACCEPTED, Json(ImportStarted { import_id })).into_response());
    }
    // In a task of its own, so the import goes on if the client hangs up.
    running.await.map_err(|_| Problem::internal())?;
    let report = job.report();
    if report.state == ImportState::Interrupted {
        return Err(Problem::unavailable(
            "The import was interrupted; send the same file again to complete it.",
        ));
    }
    Ok(Json(report).into_response())
}

/// Reads the query. `map` may be given several times, everything else once.
fn options(query: &str) -> Result<Options, Problem> {
    let (maps, rest): (Vec<_>, Vec<_>) =
        form_urlencoded::parse(query.as_bytes()).partition(|(key, _)| key == "map");
    let rest: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(rest)
        .finish();
    let params: ImportParams = read::from_query(&rest)?;
    let mappings = maps
        .iter()
        .map(|(_, text)| Mapping::parse(text).map_err(|why| BadInput::field("map", why)))
        .collect::<Result<_, _>>()?;
    Ok(Options {
        defaults: Defaults {
            account: params.account.map(String::from),
            campaign: params.campaign.map(|id: CampaignId| id.into()),
            campaign_name: params.campaign_name.filter(|name| !name.trim().is_empty()),
        },
        mappings,
        dry_run: params.dry_run,
    })
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Input(bad) => bad.into(),
        Refusal::Io(error) => upload::spool_failed(&error),
    }
}

/// Notes the import in the database, unless it is a dry run.
async fn begin(app: &App, context: AuditContext, prepared: &Prepared) -> Result<Arc<Job>, Problem> {
    let id = format!("import_{}", Uuid::now_v7().simple());
    let rows_total = prepared.rows_total();
    let seq = if prepared.is_dry_run() {
        None
    } else {
        let (id, about) = (id.clone(), prepared.about().to_string());
        Some(
            app.writes
                .begin_import(context, id, about, rows_total)
                .await?,
        )
    };
    let job = Arc::new(Job::new(id, seq, prepared, &app.clock));
    app.imports().add(job.clone());
    Ok(job)
}

/// List imports, newest first
#[utoipa::path(
    get,
    path = "/v1/imports",
    operation_id = "listImports",
    tag = "imports",
    params(PageParams),
    responses((status = 200, description = "Done.", body = ImportList))
)]
pub async fn list(
    State(app): State<App>,
    Params(params): Params<PageParams>,
) -> Result<Json<ImportList>, Problem> {
    let limit = params.limit;
    let before = List::Imports.start_number(params.cursor.as_deref())?;
    let rows = app
        .store
        .view(move |r| r.imports(before, limit.get() + 1))
        .await?;
    let show = |row: ImportRow| match app.imports().find(&row.id) {
        Some(job) => job.report(),
        None => report(row),
    };
    Ok(Json(List::Imports.page(
        rows,
        limit,
        |row| row.seq.to_string(),
        show,
    )))
}

/// Get an import: how far it got, or how it ended
#[utoipa::path(
    get,
    path = "/v1/imports/{id}",
    operation_id = "getImport",
    tag = "imports",
    params(("id" = String, Path, description = "The import.", min_length = 1, max_length = 64)),
    responses((status = 200, description = "Done.", body = ImportReport))
)]
pub async fn get(
    State(app): State<App>,
    Id(ImportId(id)): Id<ImportId>,
) -> Result<Json<ImportReport>, Problem> {
    if let Some(job) = app.imports().find(&id) {
        return Ok(Json(job.report()));
    }
    Ok(Json(report(find(&app, id).await?)))
}

async fn find(app: &App, id: String) -> Result<ImportRow, Problem> {
    let found = app
        .store
        .view(move |r| {
            r.import(&id)?
                .ok_or_else(|| Error::not_found("import", &id))
        })
        .await;
    Ok(found?)
}

/// Take an import back
///
/// Deletes the enrollments that it created, as deleting each of them does. Those that something happened to since stay: an accept,
/// an invite result, or a change.
#[utoipa::path(
    delete,
    path = "/v1/imports/{id}",
    operation_id = "takeImportBack",
    tag = "imports",
    params(("id" = String, Path, description = "The import.", min_length = 1, max_length = 64)),
    responses(
        (status = 200, description = "Done.", body = ImportTakenBack),
        (status = 409, description = "The import still runs.")
    )
)]
pub async fn delete(
    State(app): State<App>,
    Extension(context): Extension<AuditContext>,
    Id(ImportId(id)): Id<ImportId>,
) -> Result<Json<ImportTakenBack>, Problem> {
    let import = find(&app, id.clone()).await?;
    if import.state == "running" {
        let detail = "The import still runs. Take it back when it has ended.";
        return Err(Problem::conflict("import-running", detail));
    }
    let mut answer = ImportTakenBack {
        import_id: id,
        deleted: 0,
        kept: 0,
        kept_enrollments: Vec::new(),
    };
    app.writes
        .note_take_back(context, answer.import_id.clone())
        .await?;
    let mut after = 0;
    loop {
        let done = app
            .writes
            .reconciler()
            .run(move |routine| routine.take_back(import.seq, after, TAKE_BACK_ROWS))
            .await?;
        answer.deleted += done.deleted;
        answer.kept += done.kept.len() as u64;
        for (id, reason) in done.kept {
            if answer.kept_enrollments.len() < KEPT_MAX {
                answer.kept_enrollments.push(KeptEnrollment {
                    id: id.to_string(),
                    reason: reason.to_owned(),
                });
            }
        }
        match done.next {
            Some(next) => after = next,
            None => return Ok(Json(answer)),
        }
    }
}

/// What the database keeps of what a file is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    encoding: String,
    separator: Option<String>,
    columns: Vec<ImportColumn>,
}

/// An import as the database has it.
fn report(row: ImportRow) -> ImportReport {
    let about: About = serde_json::from_str(&row.about).unwrap_or_default();
    ImportReport {
        import_id: Some(row.id),
        state: row.state.parse().unwrap_or(ImportState::Interrupted),
        dry_run: false,
        created_at: row.created_at,
        encoding: about.encoding,
        separator: about.separator,
        columns: about.columns,
        rows_total: row.rows_total,
        rows: row.counts.rows,
        created: row.counts.created,
        updated: row.counts.updated,
        unchanged: row.counts.unchanged,
        failed: row.counts.failed,
        no_usable_identity: row.counts.no_usable_identity,
        duplicates: row.counts.duplicates,
        unknown_accounts: Vec::new(),
        errors: serde_json::from_str(&row.errors).unwrap_or_default(),
        preview: Vec::new(),
    }
}
