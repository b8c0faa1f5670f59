//! `GET /openapi.json`: the description of the HTTP API, generated from the handlers, the types of [`crate::api`] and the table of
//! routes.
//!
//! Each handler describes itself with `#[utoipa::path]`. Its line in the table adds the role, and `complete` the errors that
//! follow from the role, the body and the parameters. `docs/openapi.json` is a copy that a test keeps current; `just openapi`
//! renews it.

mod base;
mod complete;
mod examples;
mod tidy;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::routes::{Described, Routes};

pub(super) use complete::complete;

/// The document, OpenAPI 3.1.
pub static DOCUMENT: LazyLock<String> = LazyLock::new(|| text(super::route::routes()));

fn text(routes: Routes) -> String {
    let mut text = format!("{:#}", build(routes.into_described()));
    text.push('\n');
    text
}

fn build(routes: Vec<Described>) -> Value {
    let mut document = base::document();
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for route in routes {
        schemas.extend(route.schemas);
        let path = paths.entry(route.path).or_insert_with(|| Map::new().into());
        path[route.method.as_str().to_lowercase()] = route.operation;
    }
    schemas.extend(base::schemas());
    document["paths"] = paths.into();
    document["components"]["schemas"] = schemas.into();
    tidy::tidy(&mut document);
    examples::require_nullable_fields(&mut document);
    examples::add_examples(&mut document);
    document
}

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "process",
    responses((status = 200, description = "Done.", content_type = "application/json", body = Object), (status = 403))
)]
pub async fn document() -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        DOCUMENT.as_str(),
    )
        .into_response()
}
