//! Access to the dashboard: who sees it, what a login creates, and which headers protect the browser.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};

use crate::site_support::{Site, TOKEN, client};

async fn begin(site: &Site) -> String {
    let answer = client()
        .post(site.url("/login"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("token={TOKEN}"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[LOCATION], "/");
    let cookie = answer.headers()[SET_COOKIE].to_str().expect("text");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    assert!(!cookie.contains(TOKEN));
    cookie.split(';').next().expect("a pair").to_owned()
}

#[tokio::test]
async fn the_token_is_asked_for_once() {
    let site = Site::guarded().await;
    let asked = client().get(site.url("/")).send().await.expect("an answer");
    assert_eq!(asked.status(), StatusCode::OK);
    assert!(asked.text().await.expect("a page").contains("Admin token"));

    let cookie = begin(&site).await;
    let page = client()
        .get(site.url("/"))
        .header(COOKIE, &cookie)
        .send()
        .await
        .expect("an answer");
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let html = page.text().await.expect("a page");
    assert!(html.contains("data-session"), "there is a session to end");

    let script = html
        .split("src=\"")
        .find(|part| part.contains("/app.js"))
        .and_then(|part| part.split('"').next())
        .expect("a script");
    let file = client()
        .get(site.url(script))
        .send()
        .await
        .expect("an answer");
    assert_eq!(file.status(), StatusCode::OK);
    assert!(
        file.headers()["cache-control"]
            .to_str()
            .expect("text")
            .contains("immutable")
    );

    let read = |path: &'static str| client().get(site.url(path)).header(COOKIE, &cookie).send();
    assert_eq!(
        read("/v1/stats").await.expect("an answer").status(),
        StatusCode::OK
    );
    let out = client()
        .post(site.url("/logout"))
        .header(COOKIE, &cookie)
        .send()
        .await
        .expect("an answer");
    assert!(
        out.headers()[SET_COOKIE]
            .to_str()
            .expect("text")
            .contains("Max-Age=0")
    );
}

#[tokio::test]
async fn a_wrong_token_takes_its_time() {
    let site = Site::guarded().await;
    let started = Instant::now();
    let form = client()
        .post(site.url("/login"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("token=wrong")
        .send()
        .await
        .expect("an answer");
    assert_eq!(form.status(), StatusCode::UNAUTHORIZED);
    assert!(started.elapsed() >= Duration::from_millis(450));
    assert!(form.headers().get(SET_COOKIE).is_none());
    assert!(
        form.text()
            .await
            .expect("a page")
            .contains("This token is not valid.")
    );
    let json = client()
        .post(site.url("/login"))
        .header(CONTENT_TYPE, "application/json")
        .body(r#"{"token": "wrong"}"#)
        .send()
        .await
        .expect("an answer");
    assert_eq!(json.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(json.headers()[CONTENT_TYPE], "application/problem+json");
}

#[tokio::test]
async fn a_page_of_another_site_can_t_log_anybody_in_or_out() {
    let site = Site::guarded().await;
    for path in ["/login", "/logout"] {
        let answer = client()
            .post(site.url(path))
            .header("origin", "https://evil.example")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("token={TOKEN}"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        assert!(answer.headers().get(SET_COOKIE).is_none());
    }
}

#[tokio::test]
async fn without_a_token_only_loopback_names_are_answered() {
    let site = Site::start("").await;
    for path in ["/", "/login", "/assets/x/app.js", "/v1/stats", "/v1/stream"] {
        let rebound = client()
            .get(site.url(path))
            .header(HOST, "rebound.example")
            .send()
            .await
            .expect("an answer");
        assert_eq!(rebound.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let page = client().get(site.url("/")).send().await.expect("an answer");
    let html = page.text().await.expect("a page");
    assert!(
        html.contains("app.js")
            && !html.contains("data-session")
            && html.contains("data-role=\"admin\"")
    );
}
