//! Open mode: which requests are answered without a token, and which configurations are refused.

use std::io::{Read as _, Write as _};
use std::process::Command;

use reqwest::RequestBuilder;

use crate::process::Process;
use crate::site_support::{Site, TOKEN, client};

async fn status(ask: RequestBuilder) -> u16 {
    ask.send().await.expect("an answer").status().as_u16()
}

const PATHS: [&str; 9] = [
    "/",
    "/login",
    "/assets/x/app.js",
    "/v1/campaigns",
    "/v1/stream",
    "/v1/nothing",
    "/metrics",
    "/openapi.json",
    "/nowhere",
];

#[tokio::test]
async fn nothing_that_came_through_a_proxy_is_answered() {
    let site = Site::start("").await;
    for header in [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Whatever",
        "X-Real-IP",
        "Via",
    ] {
        for path in PATHS {
            let ask = client().get(site.url(path)).header(header, "127.0.0.1");
            assert_eq!(status(ask).await, 403, "{header} {path}");
        }
        for path in ["/healthz", "/readyz"] {
            let ask = client().get(site.url(path)).header(header, "127.0.0.1");
            assert_eq!(status(ask).await, 200, "{header} {path}");
        }
    }
    let ask = client().get(site.url("/v1/campaigns"));
    assert_eq!(status(ask).await, 200);
}

/// As nginx sends it with nothing but `proxy_pass`.
#[tokio::test]
async fn nothing_that_came_through_nginx_s_defaults_is_answered() {
    let site = Site::start("").await;
    for (version, expected) in [("1.0", "403"), ("1.1", "200")] {
        let address = site.address;
        let answer = tokio::task::spawn_blocking(move || {
            let mut wire = std::net::TcpStream::connect(address).expect("a connection");
            let ask = format!(
                "GET /v1/campaigns HTTP/{version}\r\nHost: {address}\r\nConnection: close\r\n\r\n"
            );
            wire.write_all(ask.as_bytes()).expect("it is sent");
            let mut answer = String::new();
            wire.read_to_string(&mut answer).expect("an answer");
            answer
        });
        let answer = answer.await.expect("no panic");
        let status = answer.split(' ').nth(1).expect("a status");
        assert_eq!(status, expected, "HTTP/{version}");
    }
}

#[tokio::test]
async fn only_plain_loopback_names_are_answered() {
    let site = Site::start("").await;
    for host in [
        "evil.example",
        "localhost.evil.example",
        "0.0.0.0",
        "127.1",
        "me@localhost",
    ] {
        for path in PATHS {
            let ask = client().get(site.url(path)).header("host", host);
            assert_eq!(status(ask).await, 403, "{host} {path}");
        }
        let ask = client().get(site.url("/readyz")).header("host", host);
        assert_eq!(status(ask).await, 200, "{host}");
    }
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80"] {
        let ask = client().get(site.url("/v1/campaigns")).header("host", host);
        assert_eq!(status(ask).await, 200, "{host}");
    }
}

#[tokio::test]
async fn with_a_token_a_proxy_is_welcome() {
    let site = Site::guarded().await;
    let ask = client()
        .get(site.url("/v1/campaigns"))
        .header("host", "accept.example")
        .header("x-forwarded-for", "203.0.113.9")
        .bearer_auth(TOKEN);
    assert_eq!(status(ask).await, 200);
}

fn run(process: &Process, command: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_acceptd"))
        .arg("--config")
        .arg(process.config())
        .arg(command)
        .env_remove("JOURNAL_STREAM")
        .env_remove("NOTIFY_SOCKET")
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn a_configuration_that_needs_a_token_is_refused() {
    for (text, key) in [
        ("server.public_url = \"https://a.example\"", "public_url"),
        (
            "unipile.webhook_secret = \"a-long-enough-secret\"",
            "unipile.webhook_secret",
        ),
        (
            "unipile.signing_secret = \"a-long-enough-secret\"",
            "unipile.signing_secret",
        ),
        (
            "sendpilot.webhook_secrets = [\"a-long-enough-secret\"]",
            "sendpilot.webhook_secrets",
        ),
    ] {
        let process = Process::new(text);
        for command in ["check", "serve"] {
            let (status, said) = run(&process, command);
            assert_eq!(status, Some(2), "{command} {text}: {said}");
            assert!(said.contains("server.admin_token: is empty"), "{said}");
            assert!(
                said.contains(key) && said.contains("openssl rand"),
                "{said}"
            );
        }
    }
}

#[test]
fn a_short_token_does_not_start() {
    for text in [
        "server.admin_token = \"fifteen-letters\"",
        "server.metrics_token = \"fifteen-letters\"",
        "[[token]]\nname = \"n8n\"\nrole = \"read\"\ntoken = \"fifteen-letters\"",
    ] {
        let process = Process::new(text);
        for command in ["check", "serve"] {
            let (status, said) = run(&process, command);
            assert_eq!(status, Some(2), "{command} {text}: {said}");
            assert!(said.contains("shorter than 16 characters"), "{said}");
            assert!(!said.contains("fifteen-letters"), "{said}");
        }
    }
}

#[test]
fn a_reload_to_a_short_token_keeps_the_one_in_force() {
    let mut process = Process::new(&format!("server.admin_token = \"{TOKEN}\""));
    process.start(&[], &[]);
    process.configure("server.admin_token = \"short\"");
    process.signal("HUP");
    process.wait_for_log("shorter than 16 characters");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ask = client()
        .get(process.url("/v1/campaigns"))
        .bearer_auth(TOKEN);
    assert_eq!(runtime.block_on(status(ask)), 200);
}
