//! The parts of the document that belong to no handler: title, tags, ways to authenticate, and errors that many calls share.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::api::problem::Problem;
use crate::domain::role::Role;
use crate::web::problem::PROBLEM_JSON;

/// An error that many calls share.
pub(super) struct SharedError {
    pub status: StatusCode,
    /// Its name among the responses of the document.
    pub name: &'static str,
    description: &'static str,
    /// An example of what it says.
    detail: &'static str,
}

/// Every shared error.
pub(super) const SHARED_ERRORS: &[SharedError] = &[
    SharedError {
        status: StatusCode::BAD_REQUEST,
        name: "BadRequest",
        description: "The body can't be read as JSON. Of a webhook also: it is not an object, or a field that is needed is missing or \
            of the wrong type.",
        detail: "The body is not JSON: expected value at line 1 column 1.",
    },
    SharedError {
        status: StatusCode::UNAUTHORIZED,
        name: "Unauthorized",
        description: "No valid token: send `Authorization: Bearer …` with a token, or log in. A wrong token is answered after a \
            delay, which grows for a peer that goes on.",
        detail: "Send a token: Authorization: Bearer ….",
    },
    SharedError {
        status: StatusCode::FORBIDDEN,
        name: "Forbidden",
        description: "Refused. Either the token's role is not enough (`detail` names the role that is); or a change that comes with \
            a session cookie lacks the header `X-Acceptd`, or another site's page asked for it; or no token is configured, and the \
            request came through a proxy or to a Host that is no plain loopback name.",
        detail: "This needs the role operate; the token \"n8n\" has the role enroll.",
    },
    SharedError {
        status: StatusCode::NOT_FOUND,
        name: "NotFound",
        description: "There is no such resource.",
        detail: "There is no enrollment \"enr_1\".",
    },
    SharedError {
        status: StatusCode::CONFLICT,
        name: "Conflict",
        description: "The state does not allow it. `type` says why.",
        detail: "The invitation is accepted already; there is nothing to look for.",
    },
    SharedError {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        name: "TooLarge",
        description: "The body is larger than `server.max_body`.",
        detail: "The body is larger than 262144 bytes (server.max_body).",
    },
    SharedError {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        name: "Unprocessable",
        description: "A value can't be read or is impossible; `field` names it.",
        detail: "at must be an RFC 3339 time such as 2026-05-02T15:14:06Z.",
    },
    SharedError {
        status: StatusCode::SERVICE_UNAVAILABLE,
        name: "Unavailable",
        description: "It can't be done now: the database can't commit, or too many bodies or event streams are open. Try again \
            later.",
        detail: "The database can't be used right now. Try again.",
    },
];

/// The content of an error: a problem body with an example.
pub(super) fn problem(status: StatusCode, detail: &str) -> Value {
    let (kind, title, field) = match status {
        StatusCode::CONFLICT => ("already-accepted", "Conflict", Value::Null),
        StatusCode::UNPROCESSABLE_ENTITY => ("about:blank", "Unprocessable Entity", "at".into()),
        _ => (
            "about:blank",
            status.canonical_reason().unwrap_or("Error"),
            Value::Null,
        ),
    };
    json!({PROBLEM_JSON: {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": {"type": kind, "title": title, "status": status.as_u16(), "detail": detail, "field": field},
    }})
}

/// Schemas that no handler names.
pub(super) fn schemas() -> Vec<(String, Value)> {
    let of = |schema| serde_json::to_value(schema).unwrap_or_default();
    vec![
        (Problem::name().into_owned(), of(Problem::schema())),
        (Role::name().into_owned(), of(Role::schema())),
    ]
}

/// The document without paths and schemas.
pub(super) fn document() -> Value {
    let responses: Map<String, Value> = SHARED_ERRORS
        .iter()
        .map(|error| {
            let content = problem(error.status, error.detail);
            let response = json!({"description": error.description, "content": content});
            (error.name.to_owned(), response)
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "acceptd",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Has this LinkedIn invitation been accepted, and since when?",
            "description": "Every accept is stamped once and announced once, whichever signal came first. Times are UTC, RFC 3339 with milliseconds. Unknown values are `null`, never missing; fields may be added. Lists come in pages: pass the `cursor` back for the next one. Errors are problem bodies (RFC 9457).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This daemon."}],
        "security": [{"bearer": []}, {"session": []}],
        "tags": [
            {"name": "enrollments", "description": "Prospects, and what is known of them."},
            {"name": "campaigns", "description": "Groups of enrollments with live counts."},
            {"name": "accounts", "description": "LinkedIn accounts, their health and pacing."},
            {"name": "imports", "description": "Files of people that become enrollments."},
            {"name": "signals", "description": "The ledger of evidence."},
            {"name": "audit", "description": "Who changed what."},
            {"name": "events", "description": "Outgoing facts."},
            {"name": "deliveries", "description": "Events on their way to destinations."},
            {"name": "destinations", "description": "Where events go."},
            {"name": "webhooks", "description": "What providers send."},
            {"name": "process", "description": "The process itself."},
        ],
        "components": {"responses": responses, "securitySchemes": security_schemes()},
    })
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "`server.admin_token`, or the token of a `[[token]]`. Each token has a role: `read` < `enroll` < `operate` < `admin`. Each may do all that the ones before it may. `x-acceptd-role` of an operation, and the scope of its security requirement, is the least role that it needs.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "acceptd_session",
            "description": "The dashboard's cookie, from `POST /login`; behind https its name is `__Host-acceptd_session`. It may do what the token that began it may. It ends with a log-out, when that token is changed or removed, after 12 hours without use, and after 30 days. A change also needs the header `X-Acceptd`, with any value.",
        },
        "metricsToken": {"type": "http", "scheme": "bearer", "description": "`server.metrics_token`."},
        "unipileHeader": {
            "type": "apiKey",
            "in": "header",
            "name": "Unipile-Auth",
            "description": "`unipile.webhook_secret`, in the header that `unipile.webhook_header` names.",
        },
        "unipileSignature": {
            "type": "apiKey",
            "in": "header",
            "name": "unipile-signature",
            "description": "API v2: signed with `unipile.signing_secret`.",
        },
        "sendpilotSignature": {
            "type": "apiKey",
            "in": "header",
            "name": "webhook-signature",
            "description": "One of SendPilot's signature headers, made with one of `sendpilot.webhook_secrets`.",
        },
    })
}
