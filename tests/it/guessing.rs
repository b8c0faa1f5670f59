//! Wrong tokens are counted, logged and slowed down. A right token passes at any time.

use std::time::{Duration, Instant};

use reqwest::RequestBuilder;

use crate::process::Process;
use crate::site_support::{Site, TOKEN, client};

/// Less than any wrong token waits.
const AT_ONCE: Duration = Duration::from_millis(450);

async fn took(ask: RequestBuilder) -> (u16, Duration) {
    let began = Instant::now();
    let status = ask.send().await.expect("an answer").status().as_u16();
    (status, began.elapsed())
}

fn login(url: &str, token: &str) -> RequestBuilder {
    client()
        .post(url)
        .header("content-type", "application/json")
        .body(format!("{{\"token\": \"{token}\"}}"))
}

/// The count of one series of `acceptd_auth_failures_total`.
async fn counted(site: &Site, used: &str) -> u64 {
    let page = client()
        .get(site.url("/metrics"))
        .bearer_auth(TOKEN)
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a page");
    let series = format!("acceptd_auth_failures_total{{used=\"{used}\"}} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&series));
    line.expect("the series").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_token_passes_while_its_address_is_slowed() {
    let site = Site::guarded().await;
    let (api, door) = (site.url("/v1/campaigns"), site.url("/login"));
    let guessers: Vec<_> = (0..40)
        .map(|n| {
            let (api, door) = (api.clone(), door.clone());
            tokio::spawn(async move {
                loop {
                    let guess = format!("a-guess-of-number-{n}");
                    let (status, took) = took(client().get(&api).bearer_auth(&guess)).await;
                    assert_eq!(status, 401);
                    assert!(took >= Duration::from_millis(400), "{took:?}");
                    let (status, _) = self::took(login(&door, &guess)).await;
                    assert_eq!(status, 401);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut times = Vec::new();
    for _ in 0..30 {
        let (status, time) = took(login(&door, TOKEN)).await;
        assert_eq!(status, 204);
        times.push(time);
        let (status, time) = took(client().get(&api).bearer_auth(TOKEN)).await;
        assert_eq!(status, 200);
        times.push(time);
    }
    // One may be late on a busy machine; if it were slowed, all of them would be.
    times.sort();
    assert!(times[times.len() / 2] < AT_ONCE, "{times:?}");
    for guesser in guessers {
        guesser.abort();
    }
}

#[tokio::test]
async fn wrong_tokens_are_counted_by_where_they_were_tried() {
    let site = Site::start(&format!(
        "server = {{ admin_token = \"{TOKEN}\", metrics_token = \"the-token-of-a-scraper\" }}"
    ))
    .await;
    let ask = |path: &str| client().get(site.url(path));
    assert_eq!(took(ask("/v1/campaigns").bearer_auth("wrong")).await.0, 401);
    assert_eq!(took(ask("/metrics").bearer_auth("wrong")).await.0, 401);
    assert_eq!(took(ask("/metrics").bearer_auth("wrong too")).await.0, 401);
    assert_eq!(took(login(&site.url("/login"), "wrong")).await.0, 401);
    // Nothing was tried here.
    assert_eq!(took(ask("/v1/campaigns")).await.0, 401);
    for (used, expected) in [("bearer", 1), ("metrics", 2), ("login", 1)] {
        assert_eq!(counted(&site, used).await, expected, "{used}");
    }
}

#[tokio::test]
async fn a_scraper_has_a_token_of_its_own() {
    let scraper = "the-token-of-a-scraper";
    let site = Site::start(&format!(
        "server.metrics_token = \"{scraper}\"\n[[token]]\nname = \"n8n\"\nrole = \"read\"\ntoken = \"{TOKEN}\""
    ))
    .await;
    let status = async |path: &str, token: &str| {
        let ask = client().get(site.url(path)).bearer_auth(token);
        took(ask).await.0
    };
    assert_eq!(status("/metrics", scraper).await, 200);
    assert_eq!(status("/metrics", TOKEN).await, 200);
    assert_eq!(status("/metrics", "").await, 401);
    assert_eq!(took(client().get(site.url("/metrics"))).await.0, 401);
    assert_eq!(
        status("/v1/campaigns", scraper).await,
        401,
        "it opens nothing else"
    );
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(took(client().get(site.url(path))).await.0, 200, "{path}");
    }
    let open = Site::guarded().await;
    assert_eq!(took(client().get(open.url("/metrics"))).await.0, 200);
}

#[test]
fn a_flood_is_logged_slowly_with_peers_without_tokens() {
    let mut process = Process::new(&format!(
        "server.admin_token = \"{TOKEN}\"\nserver.trusted_proxies = [\"127.0.0.0/8\"]"
    ));
    process.start(&["--log", "json"], &[]);
    let url = process.url("/v1/campaigns");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = client();
        let guesses = (0..200).map(|n| {
            let ask = client
                .get(&url)
                .header("x-forwarded-for", "6.6.6.6, 203.0.113.9")
                .bearer_auth(format!("a-guess-of-number-{n}"));
            async move { took(ask).await.0 }
        });
        let statuses = futures_util::future::join_all(guesses).await;
        assert!(statuses.iter().all(|status| *status == 401));
    });
    let log = process.log();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("wrong token"))
        .collect();
    assert!((1..=20).contains(&lines.len()), "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|line| line.contains("\"peer\":\"203.0.113.9\"")),
        "{lines:?}"
    );
    assert!(!log.contains("a-guess"), "{log}");
}
