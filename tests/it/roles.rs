//! Every operation of the OpenAPI document with every role: what a role may not do is 403, and the answer names the required role.

use std::fmt::Write as _;

use acceptd::domain::role::Role;
use acceptd::web::openapi::DOCUMENT;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::site_support::{Site, client};

const METHODS: [&str; 5] = ["get", "post", "patch", "delete", "put"];

/// The least role that each call needs.
const LEAST: &[(&str, &str, Role)] = &[
    ("get", "/v1/enrollments", Role::Read),
    ("post", "/v1/enrollments", Role::Enroll),
    ("get", "/v1/enrollments/{id}", Role::Read),
    ("patch", "/v1/enrollments/{id}", Role::Enroll),
    ("delete", "/v1/enrollments/{id}", Role::Admin),
    ("post", "/v1/enrollments/{id}/resync", Role::Operate),
    ("post", "/v1/enrollments/{id}/stamp", Role::Operate),
    ("post", "/v1/enrollments/{id}/next-step", Role::Operate),
    ("post", "/v1/invite-results", Role::Enroll),
    ("post", "/v1/campaigns", Role::Operate),
    ("patch", "/v1/campaigns/{id}", Role::Operate),
    ("post", "/v1/accounts/{id}/resync", Role::Operate),
    ("post", "/v1/resync", Role::Operate),
    ("post", "/v1/deliveries/replay", Role::Operate),
    ("post", "/v1/deliveries/{id}/replay", Role::Operate),
    ("post", "/v1/destinations/{name}/test", Role::Operate),
    ("post", "/v1/destinations/{name}/enable", Role::Operate),
    ("get", "/v1/stream", Role::Read),
    ("get", "/v1/audit", Role::Admin),
];

fn token(role: Role) -> String {
    format!("the-token-of-a-test-for-{role}")
}

async fn site() -> Site {
    let mut toml = String::from("server.metrics_token = \"the-token-of-a-scraper\"\n");
    for role in Role::ALL {
        let _ = writeln!(
            toml,
            "[[token]]\nname = \"the {role} one\"\nrole = \"{role}\"\ntoken = \"{}\"",
            token(*role)
        );
    }
    Site::start(&toml).await
}

/// Method, path and least role of every operation; no role where any token or none will do.
fn operations() -> Vec<(Method, String, Option<Role>)> {
    let document: Value = serde_json::from_str(&DOCUMENT).expect("a JSON document");
    let paths = document["paths"].as_object().expect("paths");
    let mut found = Vec::new();
    for (path, item) in paths {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let role = operation
                .get("x-acceptd-role")
                .map(|role| role.as_str().expect("a word").parse().expect("a role"));
            assert_eq!(path.starts_with("/v1/"), role.is_some(), "{method} {path}");
            let method = method.to_uppercase().parse().expect("a method");
            found.push((method, path.clone(), role));
        }
    }
    found
}

#[test]
fn every_call_needs_the_role_that_is_promised() {
    let operations = operations();
    for (method, path, expected) in LEAST {
        let method = method.to_uppercase();
        let found = operations
            .iter()
            .find(|(m, p, _)| m.as_str() == method && p == path);
        let role = found.and_then(|(_, _, role)| *role);
        assert_eq!(role, Some(*expected), "{method} {path}");
    }
    for (method, path, role) in operations {
        if method == Method::GET && path.starts_with("/v1/") && path != "/v1/audit" {
            assert_eq!(role, Some(Role::Read), "{path}");
        }
    }
}

#[tokio::test]
async fn every_role_at_every_route() {
    let site = site().await;
    let client = client();
    let mut asked = 0;
    let mut cookies = Vec::new();
    for role in Role::ALL {
        cookies.push((*role, site.log_in(&token(*role)).await));
    }
    for (method, path, least) in operations() {
        let url = site.url(&path.replace("{id}", "none").replace("{name}", "none"));
        let by = |ask: reqwest::RequestBuilder| async {
            let answer = ask.send().await.expect("an answer");
            let status = answer.status();
            let stream = answer.headers()["content-type"] == "text/event-stream";
            let text = if stream {
                String::new()
            } else {
                answer.text().await.expect("text")
            };
            (status, text)
        };
        let ask = || client.request(method.clone(), &url);
        let Some(least) = least else {
            continue;
        };
        let (status, _) = by(ask()).await;
        assert_eq!(
            status,
            StatusCode::UNAUTHORIZED,
            "{method} {path} without a token"
        );
        for (role, cookie) in &cookies {
            let session = ask()
                .header("cookie", cookie)
                .header("x-acceptd", "dashboard");
            for (kind, ask) in [
                ("token", ask().bearer_auth(token(*role))),
                ("session", session),
            ] {
                let (status, text) = by(ask).await;
                asked += 1;
                if *role >= least {
                    assert!(
                        ![401, 403].contains(&status.as_u16()),
                        "{method} {path} as {role} by {kind}: {status} {text}"
                    );
                } else {
                    assert_eq!(
                        status,
                        StatusCode::FORBIDDEN,
                        "{method} {path} as {role} by {kind}"
                    );
                    assert!(
                        text.contains(&format!("needs the role {least}")),
                        "{method} {path} as {role} by {kind}: {text}"
                    );
                }
            }
        }
    }
    assert!(asked > 200, "{asked}");
}

#[tokio::test]
async fn the_page_knows_what_its_session_may_do() {
    let site = site().await;
    for role in Role::ALL {
        let cookie = site.log_in(&token(*role)).await;
        let page = client()
            .get(site.url("/"))
            .header("cookie", cookie)
            .send()
            .await
            .expect("an answer");
        let page = page.text().await.expect("a page");
        assert!(page.contains(&format!("data-role=\"{role}\"")), "{page}");
    }
}
