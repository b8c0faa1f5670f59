//! `GET /v1/stream`: every event once and in order, also after a reconnect; bounded for slow readers; ended at shutdown.

use std::time::Duration;

use acceptd::domain::time::Timestamp;
use reqwest::Response;
use serde_json::json;

use crate::site_support::{Site, TOKEN, client};

const PATIENCE: Duration = Duration::from_secs(20);

/// Reads server-sent events as a browser does: `(id, event, data)`; those without data only move the id.
struct Reader {
    response: Response,
    text: String,
    last_id: Option<String>,
}

impl Reader {
    async fn open(site: &Site, last_id: Option<&str>) -> Self {
        let mut ask = client().get(site.url("/v1/stream")).bearer_auth(TOKEN);
        if let Some(id) = last_id {
            ask = ask.header("last-event-id", id);
        }
        let response = ask.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
            last_id: None,
        }
    }

    /// The next block; `None` when the stream is over.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("something within the patience")
                .expect("a readable stream")?;
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                    .map(|value| value.trim_start().to_owned())
            };
            if let Some(id) = field("id") {
                self.last_id = Some(id);
            }
            if let (Some(event), Some(data)) = (field("event"), field("data")) {
                return Some((event, data));
            }
        }
    }
}

async fn happen(site: &Site, from: i64, count: i64) {
    for n in from..from + count {
        site.store
            .write(move |tx| {
                tx.record_change("stamp", &json!({"id": format!("enr_{n}")}), Timestamp(n))
            })
            .await
            .expect("a commit");
    }
}

fn named(n: i64) -> (String, String) {
    ("stamp".to_owned(), format!("{{\"id\":\"enr_{n}\"}}"))
}

#[tokio::test]
async fn a_client_that_was_away_misses_nothing() {
    let site = Site::guarded().await;
    happen(&site, 0, 3).await;
    let mut reader = Reader::open(&site, None).await;
    happen(&site, 3, 2).await;
    // It starts now: what was before is for the lists.
    assert_eq!(reader.next().await, Some(named(3)));
    assert_eq!(reader.next().await, Some(named(4)));
    let seen = reader.last_id.clone().expect("an id");
    drop(reader);
    happen(&site, 5, 250).await;
    let mut again = Reader::open(&site, Some(&seen)).await;
    for n in 5..255 {
        assert_eq!(again.next().await, Some(named(n)));
    }
    happen(&site, 255, 1).await;
    assert_eq!(again.next().await, Some(named(255)));
}

#[tokio::test]
async fn a_client_knows_where_it_is_before_anything_happens() {
    let site = Site::guarded().await;
    happen(&site, 0, 2).await;
    let mut reader = Reader::open(&site, None).await;
    let first = reader.block().await.expect("a block");
    assert!(
        first.contains("retry") && first.contains("id: 2") || first.contains("id:2"),
        "{first}"
    );
    happen(&site, 2, 1).await;
    let mut again = Reader::open(&site, Some("2")).await;
    assert_eq!(again.next().await, Some(named(2)));
}

#[tokio::test]
async fn an_id_that_is_no_longer_kept_is_told_to_read_again() {
    let site = Site::guarded().await;
    happen(&site, 0, 10).await;
    site.store
        .write(|tx| tx.prune_changes(Timestamp(6), 0, 100))
        .await
        .expect("a commit");
    for lost in ["2", "99", "x", "-5"] {
        let mut reader = Reader::open(&site, Some(lost)).await;
        let (event, _) = reader.next().await.expect("an event");
        assert_eq!(event, "reset", "{lost}");
        assert_eq!(reader.last_id.as_deref(), Some("10"));
    }
    // The sixth was the last to go, so whoever saw it has missed nothing.
    let mut reader = Reader::open(&site, Some("6")).await;
    assert_eq!(reader.next().await, Some(named(6)));
}

#[tokio::test]
async fn open_streams_end_at_shutdown() {
    let site = Site::guarded().await;
    let mut reader = Reader::open(&site, None).await;
    reader.block().await.expect("the first block");
    site.shutdown.cancel();
    assert_eq!(reader.next().await, None);
}
