//! Completes the description of an operation with what its line in the table of routes says: who may call it, and which errors
//! follow from that, from its body and from its parameters.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::base::{SHARED_ERRORS, problem};
use crate::domain::provider::Provider;
use crate::web::routes::Need;

/// Completes one operation.
pub fn complete(operation: &mut Value, need: Need) {
    if let Need::Role(role) = need {
        operation["x-acceptd-role"] = role.as_str().into();
    }
    operation["security"] = security(need);
    for status in errors(operation, need) {
        add_error(operation, status);
    }
    describe_errors(operation);
}

fn security(need: Need) -> Value {
    match need {
        Need::Role(role) => json!([{"bearer": [role]}, {"session": [role]}]),
        Need::MetricsToken => {
            json!([{}, {"metricsToken": []}, {"bearer": []}, {"session": []}])
        }
        Need::Signature(Provider::Unipile | Provider::UnipileV2) => {
            json!([{"unipileHeader": []}, {"unipileSignature": []}])
        }
        Need::Signature(Provider::Sendpilot) => json!([{"sendpilotSignature": []}]),
        Need::Page | Need::Nothing => json!([]),
    }
}

/// The errors that need no mention by the handler.
fn errors(operation: &Value, need: Need) -> Vec<StatusCode> {
    if matches!(need, Need::Page | Need::Nothing) {
        return Vec::new();
    }
    let has_body = operation.get("requestBody").is_some();
    let has = |place: &str| {
        let parameters = operation["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|parameter| parameter["in"] == place))
    };
    let mut errors = vec![
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if has_body {
        errors.extend([StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE]);
    }
    if matches!(need, Need::Role(_)) && (has_body || has("query")) {
        errors.push(StatusCode::UNPROCESSABLE_ENTITY);
    }
    if has("path") {
        errors.push(StatusCode::NOT_FOUND);
    }
    errors
}

fn add_error(operation: &mut Value, status: StatusCode) {
    let response = &mut operation["responses"][status.as_str()];
    if response.is_null() {
        *response = json!({"description": ""});
    }
}

/// Gives every error a body. One that its handler does not describe is one of the shared errors.
fn describe_errors(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for (status, response) in responses {
        let status = StatusCode::from_bytes(status.as_bytes()).unwrap_or_default();
        if !(status.is_client_error() || status.is_server_error()) {
            continue;
        }
        let description = response["description"].as_str().unwrap_or_default();
        let shared = SHARED_ERRORS.iter().find(|error| error.status == status);
        match shared {
            Some(error) if description.is_empty() => {
                *response = json!({"$ref": format!("#/components/responses/{}", error.name)});
            }
            _ => {
                let content = problem(status, description);
                response["content"] = content;
            }
        }
    }
}
