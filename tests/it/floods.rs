//! Floods by peers without a secret: their share of memory, connections and log is bounded, and the next webhook is still
//! answered.

use std::fs;
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::process::Process;
use crate::raw_support::{answer, begin, head, until_closed};
use crate::site_support::{CONNECTIONS_MAX, Site, TOKEN, client};

const SECRET: &str = "the-static-secret";
const EVENT: &str = r#"{"event":"nothing.known","account_type":"LINKEDIN"}"#;
const CONFIGURATION: &str = "server.admin_token = \"the-admin-token-of-a-test\"\n\
    [unipile]\nwebhook_secret = \"the-static-secret\"\n[sendpilot]\nwebhook_secrets = [\"the-sendpilot-secret\"]\n";

/// The headers of a webhook whose signature can only be judged with the body.
fn unproved(length: usize) -> String {
    let now = Clock::system().now().0 / 1000;
    let signature = format!("webhook-signature: t={now},s=00");
    head(
        "/webhooks/sendpilot",
        &[&signature, &format!("Content-Length: {length}")],
    )
}

/// Sends a webhook with its secret and says how long the answer took.
async fn webhook(url: &str) -> Duration {
    let started = Instant::now();
    let asked = client()
        .post(url)
        .header("unipile-auth", SECRET)
        .body(EVENT);
    assert_eq!(asked.send().await.expect("an answer").status(), 200);
    started.elapsed()
}

fn memory_mib(process: &Process, what: &str) -> u64 {
    let path = format!("/proc/{}/status", process.id());
    let text = fs::read_to_string(path).expect("it runs");
    let line = text.lines().find(|line| line.starts_with(what));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.expect("a number of KiB") / 1024
}

#[tokio::test]
async fn unfinished_bodies_take_little_memory_and_return_it() {
    const PEERS: usize = 4_090;
    const BODY: usize = 262_144;
    // Both ends of every connection need an open file, here and there.
    let peers = PEERS.min(acceptd::web::limits::connections_max().saturating_sub(6));
    let mut process = Process::new(CONFIGURATION);
    process.start(&[], &[]);
    let (address, url) = (
        process.url("").replace("http://", ""),
        process.url("/webhooks/unipile"),
    );
    webhook(&url).await;
    let before = memory_mib(&process, "VmRSS");
    let started = Instant::now();
    let (mut floods, mut open, mut slowest) = (JoinSet::new(), Vec::new(), Duration::ZERO);
    let body = vec![b'x'; BODY - 1];
    for n in 0..peers {
        let (address, body) = (address.clone(), body.clone());
        floods.spawn(async move {
            let mut stream = begin(&address, unproved(BODY)).await;
            // It may have to give way meanwhile.
            let _ = stream.write_all(&body).await;
            stream
        });
        if floods.len() >= 64
            && let Some(stream) = floods.join_next().await
        {
            open.push(stream.expect("no panic"));
        }
        if n % 200 == 0 {
            slowest = slowest.max(webhook(&url).await);
        }
    }
    open.extend(floods.join_all().await);
    slowest = slowest.max(webhook(&url).await);
    let (during, took) = (memory_mib(&process, "VmHWM"), started.elapsed());
    drop(open);
    let mut after = memory_mib(&process, "VmRSS");
    for _ in 0..600 {
        if after < before + 64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = memory_mib(&process, "VmRSS");
    }
    println!(
        "{peers} bodies of {BODY} bytes in {took:?}: {before} MiB before, {during} MiB at most, {after} MiB after; slowest webhook {slowest:?}"
    );
    assert!(
        during < before + 600,
        "{during} MiB at most, {before} before"
    );
    assert!(after < before + 64, "{after} MiB after, {before} before");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

/// Bodies that trickle, in every place there is, and more who would like one.
#[tokio::test]
async fn bodies_that_trickle_in_every_place_keep_no_webhook_out() {
    let toml = format!(
        "[server]\nadmin_token = \"{TOKEN}\"\n[unipile]\nwebhook_secret = \"{SECRET}\"\n[sendpilot]\nwebhook_secrets = [\"the-sendpilot-secret\"]\n"
    );
    let site = Site::start(&toml).await;
    let address = site.address.to_string();
    let mut trickles = JoinSet::new();
    for _ in 0..CONNECTIONS_MAX + 50 {
        let mut stream = begin(&address, unproved(100) + "{").await;
        trickles.spawn(async move {
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(400)).await;
            }
        });
    }
    let url = site.url("/webhooks/unipile");
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        slowest = slowest.max(webhook(&url).await);
    }
    println!("slowest webhook beside {CONNECTIONS_MAX} trickles: {slowest:?}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
}

#[tokio::test]
async fn the_oldest_unfinished_request_gives_way_whether_head_or_body() {
    let site = Site::start(&format!("[server]\nadmin_token = \"{TOKEN}\"\n[sendpilot]\nwebhook_secrets = [\"the-sendpilot-secret\"]\n")).await;
    let address = site.address.to_string();
    let mut open: Vec<TcpStream> = Vec::new();
    for n in 0..CONNECTIONS_MAX {
        let text = unproved(2);
        let sent = if n % 2 == 0 {
            text + "{"
        } else {
            text[..20].to_owned()
        };
        open.push(begin(&address, sent).await);
    }
    // The server has read them once it answers what came later; that one takes the place of the first.
    let mut late = begin(&address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(answer(&mut late).await.0, 200);
    let first = until_closed(&mut open[0]).await;
    assert!(!first.contains("HTTP/1.1 4"), "{first}");
    for index in [2, CONNECTIONS_MAX - 2] {
        open[index].write_all(b"}").await.expect("a write");
        assert_eq!(answer(&mut open[index]).await.0, 401, "{index}");
    }
}

#[tokio::test]
async fn a_flood_of_refused_webhooks_logs_little_and_counts_all() {
    const MANY: usize = 300;
    let mut process = Process::new(CONFIGURATION);
    process.start(&[], &[]);
    let client = client();
    for _ in 0..MANY {
        let asked = client
            .post(process.url("/webhooks/unipile"))
            .header("unipile-auth", "wrong");
        assert_eq!(
            asked.body(EVENT).send().await.expect("an answer").status(),
            401
        );
    }
    let lines = process
        .log()
        .lines()
        .filter(|line| line.contains("webhook rejected"))
        .count();
    assert!((1..=40).contains(&lines), "{lines}");
    let page = client
        .get(process.url("/metrics"))
        .send()
        .await
        .expect("an answer");
    let page = page.text().await.expect("a page");
    let counted = page
        .lines()
        .filter(|line| line.contains("unipile") && line.contains("\"unauthorized\""))
        .any(|line| line.ends_with(&format!(" {MANY}")));
    assert!(counted, "{page}");
}

#[tokio::test]
async fn streams_are_bounded_and_a_closed_one_makes_room() {
    let site = Site::guarded().await;
    let ask = || {
        client()
            .get(site.url("/v1/stream"))
            .bearer_auth(TOKEN)
            .send()
    };
    let mut open = Vec::new();
    let refused = loop {
        let answer = ask().await.expect("an answer");
        if answer.status() != 200 {
            break answer;
        }
        open.push(answer);
        assert!(open.len() < CONNECTIONS_MAX, "there is no bound");
    };
    println!("{} streams, then {}", open.len(), refused.status());
    assert!(open.len() >= 16);
    assert!(matches!(refused.status().as_u16(), 429 | 503));
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(
        client()
            .get(site.url("/healthz"))
            .send()
            .await
            .expect("an answer")
            .status(),
        200
    );
    open.pop();
    let until = Instant::now() + Duration::from_secs(20);
    while ask().await.expect("an answer").status() != 200 {
        assert!(Instant::now() < until, "a closed stream makes no room");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
