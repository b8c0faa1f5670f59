//! How a file arrives: judged by the head, beyond `server.max_body`, and for as long as it does not trickle.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::import::import;
use crate::raw_support::{answer, begin, head};
use crate::site_support::{Site, TOKEN, client};

#[tokio::test]
async fn a_file_may_be_larger_than_other_bodies() {
    let toml = format!("[server]\nadmin_token = \"{TOKEN}\"\nmax_body = 1000\n");
    let site = Site::start(&toml).await;
    let rows: String = (0..500).map(|n| format!("e{n},person-{n}\n")).collect();
    let (status, report) = import(
        &site.url(""),
        "account=acc_1",
        format!("id,linkedin url\n{rows}"),
    )
    .await;
    assert_eq!((status, &report["created"]), (200, &json!(500)));
    let mut stream = begin(
        &site.address.to_string(),
        head("/v1/imports?account=a", &["Content-Length: 67108865"]),
    )
    .await;
    let (status, text) = answer(&mut stream).await;
    assert!(status == 413 && text.contains("64 MiB"), "{text}");
    let (status, _) = site
        .post("/v1/enrollments", json!({"id": "x".repeat(2_000)}))
        .await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn the_sender_is_judged_before_the_file_is_read() {
    let reader =
        "[[token]]\nname = \"reader\"\ntoken = \"the-token-of-a-reader\"\nrole = \"read\"\n";
    let site = Site::start(&format!("[server]\nadmin_token = \"{TOKEN}\"\n{reader}")).await;
    let started = Instant::now();
    for (token, expected) in [("wrong", 401), ("the-token-of-a-reader", 403)] {
        let bearer = format!("Authorization: Bearer {token}");
        let headers = ["Content-Length: 60000000", bearer.as_str()];
        let mut stream = begin(
            &site.address.to_string(),
            head("/v1/imports?account=a", &headers),
        )
        .await;
        assert_eq!(answer(&mut stream).await.0, expected);
    }
    assert!(started.elapsed() < Duration::from_secs(4));
    let answer = client()
        .get(site.url("/v1/imports"))
        .bearer_auth("the-token-of-a-reader")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_file_that_trickles_is_given_up() {
    let site = Site::guarded().await;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let headers = ["Content-Length: 60000000", bearer.as_str()];
    let mut stream = begin(
        &site.address.to_string(),
        head("/v1/imports?account=a", &headers),
    )
    .await;
    stream
        .write_all(b"id,linkedin url\n")
        .await
        .expect("a write");
    let (status, text) = answer(&mut stream).await;
    assert_eq!(status, 408, "{text}");
}
