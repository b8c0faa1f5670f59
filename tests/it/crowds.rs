//! Many clients that read the same thing at once cost about as much as one, and never see less than what was acknowledged to them.

use serde_json::json;

use crate::site_support::{Site, client};

const CONFIGURATION: &str = "[server]\nadmin_token = \"the-admin-token-of-a-test\"\n";

/// Each trial commit of `/readyz`, and each scrape, was a commit.
#[tokio::test]
async fn health_and_metrics_are_computed_once_a_second_at_most() {
    let site = Site::start(CONFIGURATION).await;
    let http = client();
    let began = std::time::Instant::now();
    let before = *site.store.commits().borrow();
    for _ in 0..40 {
        for path in ["/readyz", "/metrics"] {
            let answer = http.get(site.url(path)).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
        }
    }
    let commits = *site.store.commits().borrow() - before;
    // One commit a second, and what the start of the site still writes. Without the bound it would be 40.
    assert!(
        commits <= 5 + began.elapsed().as_secs(),
        "80 questions in {:?} made {commits} commits",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_campaign_shows_every_acknowledged_row_to_a_crowd() {
    let site = Site::start(CONFIGURATION).await;
    for n in 1..=10 {
        let row = json!({"id": format!("e{n}"), "accountId": "a", "campaignId": "c", "linkedinUrl": "https://www.linkedin.com/in/ada"});
        let (status, _) = site.post("/v1/enrollments", row).await;
        assert_eq!(status, 200);
        let crowd = (0..30).map(|_| async {
            let (_, list) = site.get("/v1/campaigns").await;
            let (_, one) = site.get("/v1/campaigns/c").await;
            let (_, stats) = site.get("/v1/campaigns/c/stats").await;
            (
                list["items"][0]["enrolled"].clone(),
                one["enrolled"].clone(),
                stats["usable"].clone(),
            )
        });
        for seen in futures_util::future::join_all(crowd).await {
            assert_eq!(seen, (json!(n), json!(n), json!(n)));
        }
    }
}
