//! Connections that are slow or only open: they are closed in time, their number is bounded, and they never keep others out.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::process::Process;
use crate::site_support::{CONNECTIONS_MAX, Site, client};

/// Longer than any deadline of the server's.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(site: &Site) -> TcpStream {
    TcpStream::connect(site.address)
        .await
        .expect("a connection")
}

async fn half_open(site: &Site) -> TcpStream {
    let mut stream = connect(site).await;
    stream
        .write_all(b"POST /webhooks/unipile HTTP/1.1\r\nHost: localhost\r\nContent-")
        .await
        .expect("a write");
    stream
}

/// Reads until the other side closes, or resets.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    assert!(read.is_ok(), "the connection is still open");
    String::from_utf8_lossy(&text).into_owned()
}

async fn is_served_at_once(site: &Site) {
    let started = Instant::now();
    let answer = client().get(site.url("/healthz")).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn two_hundred_half_open_connections_stop_nobody() {
    let site = Site::guarded().await;
    let mut open = Vec::new();
    for _ in 0..200 {
        open.push(half_open(&site).await);
    }
    is_served_at_once(&site).await;
}

#[tokio::test]
async fn when_all_places_are_taken_one_that_asks_nothing_gives_way() {
    let site = Site::guarded().await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        open.push(half_open(&site).await);
    }
    is_served_at_once(&site).await;
    // The oldest had to go, the newest did not.
    until_closed(&mut open[0]).await;
    let newest = open.last_mut().expect("many");
    newest
        .write_all(b"Length: 0\r\n\r\n")
        .await
        .expect("a write");
    let mut start = [0; 12];
    timeout(PATIENCE, newest.read_exact(&mut start))
        .await
        .expect("in time")
        .expect("an answer");
    assert!(start.starts_with(b"HTTP/1.1 4"));
}

#[tokio::test]
async fn a_thousand_and_twenty_four_are_served_at_the_same_time() {
    const MANY: usize = 1_024;
    let places = acceptd::web::limits::connections_max();
    assert!(
        places >= MANY,
        "this machine lets a process open too few files"
    );
    let site = Site::with_places("", places).await;
    let mut asking = Vec::new();
    for _ in 0..MANY {
        let mut stream = connect(&site).await;
        stream
            .write_all(b"PUT /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
            .await
            .expect("a write");
        asking.push(stream);
    }
    is_served_at_once(&site).await;
    for stream in &mut asking {
        stream.write_all(b"}").await.expect("a write");
        let mut start = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut start))
            .await
            .expect("in time")
            .expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 405");
    }
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_after_ten_seconds() {
    let site = Site::guarded().await;
    let started = Instant::now();
    let (mut read, mut write) = half_open(&site).await.into_split();
    let trickle = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if write.write_all(b"x").await.is_err() {
                return;
            }
        }
    });
    let mut text = Vec::new();
    // Closed or reset: both are an end.
    let _ = timeout(PATIENCE, read.read_to_end(&mut text))
        .await
        .expect("an end");
    let took = started.elapsed();
    trickle.abort();
    assert!(took > Duration::from_secs(8), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_cut_after_thirty_seconds() {
    let site = Site::guarded().await;
    let started = Instant::now();
    let mut stream = connect(&site).await;
    stream
        .write_all(b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        .await
        .expect("a write");
    let answer = until_closed(&mut stream).await;
    let took = started.elapsed();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(took > Duration::from_secs(28), "{took:?}");
    assert!(took < Duration::from_secs(45), "{took:?}");
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight_and_closes_the_rest() {
    let site = Site::guarded().await;
    let mut idle = connect(&site).await;
    let mut asking = connect(&site).await;
    asking
        .write_all(b"PUT /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
        .await
        .expect("a write");
    // The server has begun to read it once it answers something that was sent later.
    is_served_at_once(&site).await;
    site.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    asking.write_all(b"}").await.expect("a write");
    let answer = until_closed(&mut asking).await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert_eq!(until_closed(&mut idle).await, "");
    assert!(TcpStream::connect(site.address).await.is_err());
}

#[tokio::test]
async fn a_low_limit_on_open_files_is_raised() {
    let mut process = Process::new("");
    process.start_with_open_files(128);
    let address = process.url("").replace("http://", "");
    let mut open = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        stream
            .write_all(
                b"POST /webhooks/unipile HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
            )
            .await
            .expect("a write");
        open.push(stream);
    }
    let asked = client().get(process.url("/healthz")).send();
    let answer = timeout(Duration::from_secs(5), asked).await;
    let answer = answer.expect("it is served at once").expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(!process.log().contains("can't accept"), "{}", process.log());
}
