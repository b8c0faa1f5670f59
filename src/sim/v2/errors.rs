//! Errors of API v2.

use serde_json::json;

use crate::sim::answer::Answer;

/// An error body as the provider writes them; `type_name` with its prefix.
pub(in crate::sim) fn error(status: u16, type_name: &str, detail: &str) -> Answer {
    let mut title = type_name
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .replace('_', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Answer::json(
        status,
        &json!({
            "object": "Error",
            "type": type_name,
            "status": status,
            "title": title,
            "detail": detail,
            "req_id": "req-simulated",
        }),
    )
}

/// The answer to a request that lacks something or has too much.
pub(super) fn invalid(detail: &str) -> Answer {
    error(400, "api/invalid_parameters", detail)
}

pub(super) fn no_route() -> Answer {
    error(404, "api/resource_not_found", "Route not found")
}
