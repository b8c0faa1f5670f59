//! What the head of a request proves is checked before its body is read, and the client can always read the answer.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use crate::raw_support::{answer, begin, head};
use crate::site_support::{Site, TOKEN};

const SECRET: &str = "the-static-secret";
const EVENT: &str = r#"{"event":"nothing.known","account_type":"LINKEDIN"}"#;
/// The body never comes, so an answer within this long did not wait for it.
const AT_ONCE: Duration = Duration::from_secs(4);

async fn site() -> Site {
    Site::start(&format!(
        "[server]\nadmin_token = \"{TOKEN}\"\n[unipile]\nwebhook_secret = \"{SECRET}\"\nsigning_secret = \"the-signing-secret\"\n\
         [sendpilot]\nwebhook_secrets = [\"the-sendpilot-secret\"]\n"
    ))
    .await
}

/// The status of a request of which only the head is sent.
async fn by_the_head(site: &Site, path: &str, headers: &[&str]) -> u16 {
    let started = Instant::now();
    let mut stream = begin(&site.address.to_string(), head(path, headers)).await;
    let (status, text) = answer(&mut stream).await;
    assert!(started.elapsed() < AT_ONCE, "{path} {headers:?}: {text}");
    status
}

#[tokio::test]
async fn a_wrong_secret_is_refused_without_the_body() {
    let site = site().await;
    let now = acceptd::clock::Clock::system().now().0 / 1000;
    let old = format!("unipile-signature: t={},v0=00", now - 3_600);
    let stale = format!("webhook-signature: t={},s=00", now - 10_000);
    for size in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        for (path, proof) in [
            ("/webhooks/unipile", "unipile-auth: wrong"),
            ("/webhooks/unipile", "x-nothing: here"),
            ("/webhooks/unipile", "unipile-signature: nonsense"),
            ("/webhooks/unipile", old.as_str()),
            ("/webhooks/sendpilot", "x-nothing: here"),
            ("/webhooks/sendpilot", stale.as_str()),
            ("/v1/enrollments", "x-nothing: here"),
            ("/v1/enrollments", "Authorization: Bearer wrong"),
            ("/v1/nothing", "Authorization: Bearer wrong"),
        ] {
            let status = by_the_head(&site, path, &[size, proof]).await;
            assert_eq!(status, 401, "{path} {size} {proof}");
        }
    }
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_413_before_it_is_401() {
    let site = site().await;
    for path in [
        "/webhooks/unipile",
        "/webhooks/sendpilot",
        "/v1/enrollments",
        "/login",
        "/nowhere",
    ] {
        let status = by_the_head(&site, path, &["Content-Length: 262145"]).await;
        assert_eq!(status, 413, "{path}");
        let endless = by_the_head(&site, path, &["Content-Length: 9223372036854775000"]).await;
        assert_eq!(endless, 413, "{path}");
    }
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_is_told_by_the_head() {
    let site = site().await;
    let address = site.address.to_string();
    let length = format!("Content-Length: {}", EVENT.len());
    let expect = "Expect: 100-continue";
    for (wrong, status) in [
        ([length.as_str(), expect, "unipile-auth: wrong"], 401),
        (
            ["Content-Length: 300000", expect, "unipile-auth: wrong"],
            413,
        ),
    ] {
        let mut stream = begin(&address, head("/webhooks/unipile", &wrong)).await;
        let (got, text) = answer(&mut stream).await;
        assert_eq!(got, status, "{text}");
        assert!(!text.contains("100 Continue"), "{text}");
    }
    let proof = format!("unipile-auth: {SECRET}");
    let right = head("/webhooks/unipile", &[&length, expect, &proof]);
    let mut stream = begin(&address, right).await;
    assert_eq!(answer(&mut stream).await.0, 100);
    stream.write_all(EVENT.as_bytes()).await.expect("a write");
    assert_eq!(answer(&mut stream).await.0, 200);
}

#[tokio::test]
async fn a_refused_request_with_its_body_leaves_the_connection_usable() {
    let site = site().await;
    let length = format!("Content-Length: {}", EVENT.len());
    let request = |proof: &str| head("/webhooks/unipile", &[&length, proof]) + EVENT;
    let mut stream = begin(&site.address.to_string(), request("unipile-auth: wrong")).await;
    assert_eq!(answer(&mut stream).await.0, 401);
    for (proof, status) in [("wrong", 401), (SECRET, 200), ("wrong", 401)] {
        let next = request(&format!("unipile-auth: {proof}"));
        stream.write_all(next.as_bytes()).await.expect("a write");
        assert_eq!(answer(&mut stream).await.0, status);
    }
}

#[tokio::test]
async fn a_client_that_sends_all_before_reading_gets_its_answer() {
    let site = site().await;
    let address = site.address.to_string();
    for _ in 0..5 {
        let chunked = ["Transfer-Encoding: chunked", "Authorization: Bearer wrong"];
        let mut stream = begin(&address, head("/v1/enrollments", &chunked)).await;
        let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        for _ in 0..100 {
            stream.write_all(piece.as_bytes()).await.expect("a write");
        }
        stream.write_all(b"0\r\n\r\n").await.expect("a write");
        assert_eq!(answer(&mut stream).await.0, 401);
        let big = ["Content-Length: 8000000"];
        let mut stream = begin(&address, head("/v1/enrollments", &big)).await;
        let sent = stream.write_all(&vec![b'x'; 8_000_000]).await;
        sent.expect("a write");
        assert_eq!(answer(&mut stream).await.0, 413);
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_take_it_for_what_it_is() {
    let site = site().await;
    let client = crate::site_support::client();
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/v1/stats", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/assets/x/app.js", 404),
        ("POST", "/healthz", 405),
        ("GET", "/webhooks/unipile", 405),
        ("POST", "/webhooks/unipile", 401),
        ("POST", "/login", 422),
        ("POST", "/logout", 303),
    ] {
        let method = method.parse().expect("a method");
        let asked = client.request(method, site.url(path)).send().await;
        let answer = asked.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(
            headers["cross-origin-resource-policy"], "same-origin",
            "{path}"
        );
        assert_eq!(headers.get_all("x-content-type-options").iter().count(), 1);
    }
}
