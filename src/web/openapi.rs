//! `GET /openapi.json`: the description of the whole HTTP surface. A test holds it to the router and to the word lists.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The document, OpenAPI 3.1.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// Serves the document. It needs no token: it says nothing about this installation.
pub async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
