//! What is revoked ends at once: bearer access, sessions, and the streams that they opened.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::time::Timestamp;
use reqwest::header::SET_COOKIE;

use crate::process::Process;
use crate::site_support::{Site, TOKEN, client};

const PATIENCE: Duration = Duration::from_secs(10);
const OTHER: &str = "another-token-of-a-test";

fn tokens(tokens: &[(&str, &str, &str)]) -> String {
    use std::fmt::Write as _;
    let mut toml = format!("server.admin_token = \"{TOKEN}\"\n");
    for (name, token, role) in tokens {
        let _ = writeln!(
            toml,
            "[[token]]\nname = \"{name}\"\ntoken = \"{token}\"\nrole = \"{role}\""
        );
    }
    toml
}

enum Key<'k> {
    Bearer(&'k str),
    Cookie(&'k str),
}

async fn status(site: &Site, key: &Key<'_>) -> u16 {
    ask(site, key, "/v1/campaigns").await.status().as_u16()
}

async fn ask(site: &Site, key: &Key<'_>, path: &str) -> reqwest::Response {
    let ask = client().get(site.url(path));
    let ask = match key {
        Key::Bearer(token) => ask.bearer_auth(token),
        Key::Cookie(cookie) => ask.header("cookie", *cookie),
    };
    ask.send().await.expect("an answer")
}

/// A stream that has begun.
async fn stream(site: &Site, key: &Key<'_>) -> reqwest::Response {
    let mut stream = ask(site, key, "/v1/stream").await;
    assert_eq!(stream.status(), 200);
    assert!(stream.chunk().await.expect("a stream").is_some());
    stream
}

async fn ends(mut stream: reqwest::Response) {
    let end = async { while stream.chunk().await.expect("a stream").is_some() {} };
    tokio::time::timeout(PATIENCE, end)
        .await
        .expect("it ends at once");
}

async fn goes_on(stream: &mut reqwest::Response, site: &Site) {
    site.store
        .write(|tx| tx.record_change("stamp", &serde_json::json!({"id": "x"}), Timestamp(1)))
        .await
        .expect("a commit");
    let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await;
    let chunk = chunk.expect("something").expect("a stream");
    assert!(chunk.is_some(), "the stream goes on");
}

#[tokio::test]
async fn a_removed_token_ends_its_own_sessions_and_streams_only() {
    let site = Site::start(&tokens(&[("n8n", OTHER, "read")])).await;
    let (own, others) = (site.log_in(OTHER).await, site.log_in(TOKEN).await);
    let by_token = stream(&site, &Key::Bearer(OTHER)).await;
    let by_session = stream(&site, &Key::Cookie(&own)).await;
    let mut stays = stream(&site, &Key::Cookie(&others)).await;
    site.reconfigure(&tokens(&[]));
    ends(by_token).await;
    ends(by_session).await;
    assert_eq!(status(&site, &Key::Bearer(OTHER)).await, 401);
    assert_eq!(status(&site, &Key::Cookie(&own)).await, 401);
    assert_eq!(status(&site, &Key::Cookie(&others)).await, 200);
    goes_on(&mut stays, &site).await;
}

#[tokio::test]
async fn a_changed_token_ends_the_sessions_of_the_old_one() {
    let site = Site::start(&tokens(&[("n8n", OTHER, "read")])).await;
    let cookie = site.log_in(OTHER).await;
    let open = stream(&site, &Key::Cookie(&cookie)).await;
    site.reconfigure(&tokens(&[("n8n", "a-changed-token-of-a-test", "read")]));
    ends(open).await;
    assert_eq!(status(&site, &Key::Cookie(&cookie)).await, 401);
    // A name that is given to another role is the same token: what it may do changes at once.
    let cookie = site.log_in("a-changed-token-of-a-test").await;
    site.reconfigure(&tokens(&[("n8n", "a-changed-token-of-a-test", "operate")]));
    assert_eq!(status(&site, &Key::Cookie(&cookie)).await, 200);
}

#[tokio::test]
async fn tokens_are_rotated_without_an_interruption() {
    let site = Site::start(&tokens(&[("old", OTHER, "enroll")])).await;
    let mut open = stream(&site, &Key::Bearer(OTHER)).await;
    let new = "the-next-token-of-a-test";
    site.reconfigure(&tokens(&[("new", new, "enroll"), ("old", OTHER, "enroll")]));
    assert_eq!(status(&site, &Key::Bearer(OTHER)).await, 200);
    assert_eq!(status(&site, &Key::Bearer(new)).await, 200);
    goes_on(&mut open, &site).await;
    site.reconfigure(&tokens(&[("new", new, "enroll")]));
    assert_eq!(status(&site, &Key::Bearer(new)).await, 200);
    ends(open).await;
}

#[tokio::test]
async fn a_log_out_ends_the_session_on_the_server() {
    let site = Site::guarded().await;
    let (own, other) = (site.log_in(TOKEN).await, site.log_in(TOKEN).await);
    let open = stream(&site, &Key::Cookie(&own)).await;
    let mut stays = stream(&site, &Key::Cookie(&other)).await;
    let out = client()
        .post(site.url("/logout"))
        .header("cookie", &own)
        .send()
        .await
        .expect("an answer");
    assert_eq!(out.status(), 303);
    assert!(
        out.headers()[SET_COOKIE]
            .to_str()
            .expect("text")
            .contains("Max-Age=0")
    );
    assert_eq!(status(&site, &Key::Cookie(&own)).await, 401);
    ends(open).await;
    assert_eq!(status(&site, &Key::Cookie(&other)).await, 200);
    goes_on(&mut stays, &site).await;
}

#[tokio::test]
async fn a_session_ends_after_twelve_idle_hours_or_thirty_days() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let clock = Clock::by_hand(Timestamp(1_777_734_846_000));
    let site = Site::on_clock(clock.clone()).await;
    let idle = site.log_in(TOKEN).await;
    let open = stream(&site, &Key::Cookie(&idle)).await;
    clock.advance(HOUR * 11);
    assert_eq!(status(&site, &Key::Cookie(&idle)).await, 200);
    clock.advance(HOUR * 11);
    let used = site.log_in(TOKEN).await;
    assert_eq!(
        status(&site, &Key::Cookie(&idle)).await,
        200,
        "it was used meanwhile"
    );
    noted(&site, &clock, 2).await;
    clock.advance(HOUR * 12);
    assert_eq!(status(&site, &Key::Cookie(&idle)).await, 401);
    ends(open).await;
    assert_eq!(status(&site, &Key::Cookie(&used)).await, 401);

    let busy = site.log_in(TOKEN).await;
    for _ in 0..65 {
        clock.advance(HOUR * 11);
        assert_eq!(status(&site, &Key::Cookie(&busy)).await, 200);
        noted(&site, &clock, 1).await;
    }
    clock.advance(HOUR * 6);
    assert_eq!(
        status(&site, &Key::Cookie(&busy)).await,
        401,
        "after thirty days"
    );
}

/// Waits until the use of so many sessions, now, is written down.
async fn noted(site: &Site, clock: &Clock, sessions: i64) {
    let file = site.database();
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let conn = rusqlite::Connection::open(&file).expect("the database");
        let found: i64 = conn
            .query_row(
                "SELECT count(*) FROM sessions WHERE last_used_at = ?1",
                [clock.now().0],
                |row| row.get(0),
            )
            .expect("a count");
        if found >= sessions {
            return;
        }
        assert!(std::time::Instant::now() < until, "{found} of {sessions}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn one_token_has_so_many_sessions_and_no_more() {
    let site = Site::start(&tokens(&[("n8n", OTHER, "read")])).await;
    let others = site.log_in(TOKEN).await;
    let first = site.log_in(OTHER).await;
    for _ in 0..100 {
        site.log_in(OTHER).await;
    }
    assert_eq!(status(&site, &Key::Cookie(&first)).await, 401);
    assert_eq!(status(&site, &Key::Cookie(&others)).await, 200);
}

#[test]
fn sessions_outlive_a_restart_and_the_database_lets_nobody_in() {
    let mut process = Process::new(&format!("server.admin_token = \"{TOKEN}\""));
    process.start(&[], &[]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cookie = runtime.block_on(async {
        let answer = client()
            .post(process.url("/login"))
            .header("content-type", "application/json")
            .body(format!("{{\"token\": \"{TOKEN}\"}}"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 204);
        let cookie = answer.headers()[SET_COOKIE].to_str().expect("text");
        cookie.split(';').next().expect("a pair").to_owned()
    });
    assert!(process.stop().success());
    let id = cookie.split_once('=').expect("a pair").1;
    let raw = hex::decode(id).expect("an id");
    let file = std::fs::read(process.dir.path().join("acceptd.db")).expect("the database");
    for secret in [raw.as_slice(), id.as_bytes(), TOKEN.as_bytes()] {
        assert!(!file.windows(secret.len()).any(|part| part == secret));
    }
    process.start(&[], &[]);
    let ask = client()
        .get(process.url("/v1/campaigns"))
        .header("cookie", &cookie);
    let answer = runtime.block_on(async { ask.send().await.expect("an answer") });
    assert_eq!(answer.status(), 200);
    assert!(!process.logs().contains(id));
}

#[tokio::test]
async fn behind_https_the_cookie_is_the_hosts_own() {
    let cookie = async |toml: &str, headers: &[(&str, &str)]| {
        let site = Site::start(&format!("server.admin_token = \"{TOKEN}\"\n{toml}")).await;
        let mut ask = client()
            .post(site.url("/login"))
            .header("content-type", "application/json")
            .body(format!("{{\"token\": \"{TOKEN}\"}}"));
        for (name, value) in headers {
            ask = ask.header(*name, *value);
        }
        let answer = ask.send().await.expect("an answer");
        let cookie = answer.headers()[SET_COOKIE]
            .to_str()
            .expect("text")
            .to_owned();
        assert!(
            cookie.contains("; HttpOnly; SameSite=Lax") && cookie.contains("; Path=/;"),
            "{cookie}"
        );
        assert_eq!(
            cookie.starts_with("__Host-acceptd_session="),
            cookie.contains("; Secure")
        );
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        assert_eq!(status(&site, &Key::Cookie(&pair)).await, 200);
        cookie.contains("; Secure")
    };
    assert!(!cookie("", &[]).await);
    assert!(
        !cookie("", &[("x-forwarded-proto", "https")]).await,
        "anybody can say that"
    );
    let proxied = "server.trusted_proxies = [\"127.0.0.1\"]";
    assert!(cookie(proxied, &[("x-forwarded-proto", "https")]).await);
    assert!(!cookie(proxied, &[("x-forwarded-proto", "http")]).await);
    assert!(cookie("server.public_url = \"https://a.example\"", &[]).await);
    assert!(cookie("server.dashboard_url = \"https://a.example\"", &[]).await);
    assert!(!cookie("server.dashboard_url = \"http://127.0.0.1\"", &[]).await);
}
