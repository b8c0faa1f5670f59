//! What the API refuses: tokens, host names, cross-site requests, sizes, unknown routes. Every answer is a problem body.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::site_support::{Site, TOKEN, client};

async fn problem(ask: RequestBuilder) -> (u16, Value) {
    let answer: Response = ask.send().await.expect("an answer");
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let body: Value = answer.json().await.expect("a problem");
    for field in ["type", "title", "status", "detail", "field"] {
        assert!(body.get(field).is_some(), "{field} is missing in {body}");
    }
    assert_eq!(body["status"], status);
    (status, body)
}

#[tokio::test]
async fn the_token_is_needed_everywhere_under_v1() {
    let site = Site::guarded().await;
    for path in [
        "/v1/enrollments",
        "/v1/enrollments/x",
        "/v1/campaigns",
        "/v1/accounts",
        "/v1/signals",
        "/v1/events",
        "/v1/deliveries",
        "/v1/destinations",
        "/v1/stream",
        "/v1/stats",
        "/v1/nothing/is/here",
    ] {
        for ask in [
            client().get(site.url(path)),
            client().get(site.url(path)).bearer_auth(""),
            client()
                .get(site.url(path))
                .header("authorization", format!("Basic {TOKEN}")),
            client()
                .get(site.url(path))
                .header("cookie", "acceptd_session=1.2"),
            client()
                .get(site.url(path))
                .header("cookie", format!("acceptd_session={}", "00".repeat(32))),
        ] {
            assert_eq!(problem(ask).await.0, 401, "{path}");
        }
    }
    let wrong = client().get(site.url("/v1/accounts")).bearer_auth("wrong");
    assert_eq!(problem(wrong).await.0, 401);
    let refused = client()
        .get(site.url("/v1/accounts"))
        .send()
        .await
        .expect("an answer");
    assert!(
        refused.headers()["www-authenticate"]
            .to_str()
            .expect("text")
            .starts_with("Bearer")
    );
}

#[tokio::test]
async fn a_huge_body_is_413_before_it_is_401() {
    let site = Site::guarded().await;
    for path in [
        "/v1/enrollments",
        "/webhooks/unipile",
        "/webhooks/sendpilot",
    ] {
        for size in [262_145, 4_000_000] {
            let declared = client().post(site.url(path)).body("x".repeat(size));
            assert_eq!(problem(declared).await.0, 413, "{path} {size}");
        }
    }
}

#[tokio::test]
async fn the_largest_body_that_fits_is_read() {
    let site = Site::guarded().await;
    let row = json!({"id": "e", "accountId": "acc_1", "unknown": "x".repeat(262_000)}).to_string();
    assert!(row.len() < 262_144);
    let answer = client()
        .post(site.url("/v1/enrollments"))
        .bearer_auth(TOKEN)
        .body(row)
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 200);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_can_t_be_done_is_405() {
    let site = Site::guarded().await;
    let token = |method, path| client().request(method, site.url(path)).bearer_auth(TOKEN);
    assert_eq!(problem(token(Method::GET, "/v2/enrollments")).await.0, 404);
    assert_eq!(
        problem(token(Method::GET, "/v1/enrollments/none")).await.0,
        404
    );
    assert_eq!(
        problem(token(Method::GET, "/v1/campaigns/%FF")).await.0,
        404
    );
    let (status, body) = problem(token(Method::GET, "/v1/signals/abc")).await;
    assert_eq!(
        (status, &body["detail"]),
        (404, &json!("There is no signal \"abc\"."))
    );
    assert_eq!(problem(token(Method::PUT, "/v1/enrollments")).await.0, 405);
    let answer = token(Method::DELETE, "/v1/campaigns")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["allow"], "GET,HEAD,POST");
}

#[tokio::test]
async fn what_can_t_be_read_is_an_error_of_its_name() {
    let site = Site::guarded().await;
    for (path, field) in [
        ("/v1/enrollments?limit=0", "limit"),
        ("/v1/enrollments?limit=501", "limit"),
        ("/v1/enrollments?cursor=nonsense", "cursor"),
        ("/v1/enrollments?status=ACCEPTED", "status"),
        ("/v1/enrollments?late=yes", "late"),
        ("/v1/enrollments?account=a:b", "account"),
        ("/v1/signals?outcome=lost", "outcome"),
        ("/v1/signals?source=rumour", "source"),
        ("/v1/accounts?limit=-1", "limit"),
        ("/v1/campaigns?cursor=", "cursor"),
    ] {
        let (status, body) = problem(client().get(site.url(path)).bearer_auth(TOKEN)).await;
        assert_eq!((status, &body["field"]), (422, &json!(field)), "{path}");
    }
    for body in ["", "{", "\u{feff}{}", "not json", "{} {}"] {
        let ask = client()
            .post(site.url("/v1/enrollments"))
            .bearer_auth(TOKEN)
            .body(body);
        assert_eq!(problem(ask).await.0, 400, "{body:?}");
    }
}

#[tokio::test]
async fn json_is_json_whatever_the_header_says() {
    let site = Site::guarded().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "image/png",
    ] {
        let answer = client()
            .post(site.url("/v1/enrollments"))
            .bearer_auth(TOKEN)
            .header("content-type", kind)
            .body(r#"{"id": "e", "accountId": "acc_1"}"#)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{kind}");
    }
}

#[tokio::test]
async fn without_a_token_another_site_gets_nothing() {
    let site = Site::start("").await;
    let post = || {
        client()
            .post(site.url("/v1/campaigns"))
            .body(r#"{"id": "c"}"#)
    };
    for ask in [
        post().header("host", "rebound.example"),
        post().header("origin", "https://evil.example"),
        post().header("origin", "null"),
        post().header("sec-fetch-site", "cross-site"),
    ] {
        assert_eq!(problem(ask).await.0, 403);
    }
    let own = post()
        .header("origin", site.url(""))
        .header("sec-fetch-site", "same-origin");
    assert_eq!(own.send().await.expect("an answer").status(), 201);
    assert_eq!(post().send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_session_needs_the_own_page_to_change_anything() {
    let site = Site::guarded().await;
    let cookie = site.log_in(TOKEN).await;
    let post = || {
        client()
            .post(site.url("/v1/campaigns"))
            .header("cookie", &cookie)
            .body(r#"{"id": "c"}"#)
    };
    assert_eq!(problem(post()).await.0, 403);
    let foreign = post()
        .header("x-acceptd", "1")
        .header("origin", "https://evil.example");
    assert_eq!(problem(foreign).await.0, 403);
    let own = post()
        .header("x-acceptd", "1")
        .header("origin", site.url(""));
    assert_eq!(own.send().await.expect("an answer").status(), 201);
    let read = client()
        .get(site.url("/v1/campaigns"))
        .header("cookie", &cookie);
    assert_eq!(read.send().await.expect("an answer").status(), 200);
}
