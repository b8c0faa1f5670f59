//! `/v1/signals`: the ledger, newest first.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::show;
use crate::domain::ids::AccountId;
use crate::domain::signal::{Outcome, Source};
use crate::store::{Error, SignalFilter};
use crate::web::app::App;
use crate::web::json::Json;
use crate::web::page::{List, Page, Query};
use crate::web::path::{Id, SignalId};
use crate::web::problem::Problem;

/// One page; the bodies only with `raw=true`.
///
/// # Errors
/// 422 for a filter that can't be read; the store's.
pub async fn list(State(app): State<App>, query: Query) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let raw = query.flag("raw")?.unwrap_or(false);
    let filter = SignalFilter {
        outcome: query.parsed::<Outcome>("outcome")?,
        source: query.parsed::<Source>("source")?,
        account: query.id("account", AccountId::parse)?,
        before: query.number_cursor(List::Signals)?,
    };
    let rows = app
        .store
        .view(move |r| r.signals(&filter, limit + 1))
        .await?;
    let page = Page::cut(
        List::Signals,
        rows,
        limit,
        |s| s.id.to_string(),
        |s| show::signal(&s, raw),
    );
    Ok(Json(page).into_response())
}

/// One, with its body.
///
/// # Errors
/// 404; the store's.
pub async fn get(
    State(app): State<App>,
    Id(SignalId(id)): Id<SignalId>,
) -> Result<Response, Problem> {
    let signal = app
        .store
        .view(move |r| {
            r.signal(id)?
                .ok_or_else(|| Error::not_found("signal", &id.to_string()))
        })
        .await?;
    Ok(Json(show::signal(&signal, true)).into_response())
}
