//! The OpenAPI document agrees with the routes, the word lists and the running daemon, and its copy in `docs` is current.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use acceptd::domain::campaign::CampaignStatus;
use acceptd::domain::delivery::DeliveryState;
use acceptd::domain::enrollment::Status;
use acceptd::domain::event::EventType;
use acceptd::domain::provider::Provider;
use acceptd::domain::role::Role;
use acceptd::domain::signal::{Outcome, Path as SignalPath, Precision, Source};
use acceptd::web::openapi::DOCUMENT;
use acceptd::web::routes::Need;
use acceptd::web::surface;
use serde_json::Value;

use crate::site_support::{Site, TOKEN, client};

const METHODS: [&str; 5] = ["get", "post", "patch", "delete", "put"];

fn document() -> Value {
    serde_json::from_str(&DOCUMENT).expect("a JSON document")
}

/// Every operation that is served, as `(method, path)`.
fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            METHODS
                .iter()
                .filter(|method| item.get(**method).is_some())
                .map(|method| ((*method).to_owned(), path.clone()))
        })
        .collect()
}

/// What the table of routes asks for, as the description says it: a role, or nothing.
fn needs() -> BTreeMap<(String, String), Option<String>> {
    surface()
        .table()
        .iter()
        .map(|route| {
            let method = route.method.as_str().to_lowercase();
            let role = match route.need {
                Need::Role(role) => Some(role.to_string()),
                _ => None,
            };
            ((method, route.path.clone()), role)
        })
        .collect()
}

#[test]
fn every_route_is_described_with_its_role() {
    let document = document();
    let described: BTreeMap<_, _> = operations(&document)
        .into_iter()
        .map(|(method, path)| {
            let operation = &document["paths"][&path][&method];
            let role = operation["x-acceptd-role"].as_str().map(str::to_owned);
            if let Some(role) = &role {
                let security = serde_json::json!([{"bearer": [role]}, {"session": [role]}]);
                assert_eq!(operation["security"], security, "{method} {path}");
            }
            ((method, path), role)
        })
        .collect();
    assert_eq!(described, needs());
}

#[tokio::test]
async fn every_operation_is_answered_by_a_handler() {
    let site = Site::guarded().await;
    for (method, path) in operations(&document()) {
        let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
        let asked = path.replace("{id}", "none").replace("{name}", "none");
        let answer = client()
            .request(method.clone(), site.url(&asked))
            .bearer_auth(TOKEN)
            .send()
            .await
            .expect("an answer");
        let status = answer.status().as_u16();
        let documented = &document()["paths"][&path][method.as_str().to_lowercase()]["responses"];
        assert!(
            documented.get(status.to_string()).is_some(),
            "{method} {path} answers {status}"
        );
        if status == 404 {
            let text = answer.text().await.expect("a body");
            assert!(
                !text.contains("There is nothing at"),
                "{method} {path}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn it_is_served_to_everybody() {
    let site = Site::guarded().await;
    let answer = client()
        .get(site.url("/openapi.json"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let served: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn its_word_lists_are_complete() {
    let document = document();
    macro_rules! same {
        ($schema:literal, $words:ty) => {
            let words: Vec<&str> = <$words>::ALL.iter().map(|word| word.as_str()).collect();
            let listed = document["components"]["schemas"][$schema]["enum"].clone();
            assert_eq!(listed, serde_json::json!(words), $schema);
        };
    }
    same!("Source", Source);
    same!("Path", SignalPath);
    same!("Outcome", Outcome);
    same!("Precision", Precision);
    same!("Provider", Provider);
    same!("DeliveryState", DeliveryState);
    same!("EventType", EventType);
    same!("CampaignStatus", CampaignStatus);
    same!("EnrollmentStatus", Status);
    same!("Role", Role);
}

#[test]
fn every_operation_has_a_name_a_summary_and_an_example() {
    let document = document();
    let mut names = BTreeSet::new();
    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][&method];
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name.to_owned()), "{name} twice");
        assert!(operation["summary"].is_string(), "{name} has no summary");
        let responses = operation["responses"].as_object().expect("responses");
        let successes = responses.iter().filter(|(code, _)| code.starts_with('2'));
        for (code, response) in successes {
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                let shown = content.get("example").is_some()
                    || path.starts_with("/webhooks")
                    || !path.starts_with("/v1");
                assert!(shown, "{name} {code} {kind} has no example");
            }
        }
        if let Some(body) = operation.get("requestBody") {
            let text = body.to_string();
            let named = text
                .split("#/components/schemas/")
                .skip(1)
                .filter_map(|part| part.split('"').next())
                .any(|schema| {
                    document["components"]["schemas"][schema]
                        .get("examples")
                        .is_some()
                });
            assert!(
                text.contains("\"example") || named,
                "{name} has no example of a body"
            );
        }
    }
}

/// `UPDATE_OPENAPI=1` writes the copy anew; `just openapi` does that.
#[test]
fn its_copy_is_current() {
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&copy, &*DOCUMENT).expect("a writable copy");
    }
    let text = fs::read_to_string(&copy).expect("a copy");
    assert!(
        text == *DOCUMENT,
        "docs/openapi.json differs from the document; `just openapi` renews it"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    for reference in DOCUMENT.split("\"$ref\": \"").skip(1) {
        let pointer = reference.split('"').next().expect("a reference");
        let path = pointer.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(path).is_some(), "{pointer}");
    }
}
