//! The load generator: requests on kept connections, as fast as answers come or at a fixed rate. It parses only what it needs, so
//! that it takes little of the cores that it shares with the daemon.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::report::Latencies;

/// Makes the bytes of the request with this number.
pub type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// A POST with these headers and this body.
pub fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One kept connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(4096),
        })
    }

    /// Sends a request and returns the answer's body. Any status but 2xx is an error.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed");
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
        let length = text
            .split("content-length:")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next())
            .and_then(|length| length.trim().parse::<usize>().ok());
        if let Some(length) = length {
            while self.buffer.len() < head + length {
                self.stream.read_buf(&mut self.buffer).await?;
            }
        } else if text.contains("transfer-encoding: chunked") {
            while !self.buffer.ends_with(b"0\r\n\r\n") {
                self.stream.read_buf(&mut self.buffer).await?;
            }
        }
        if !text.starts_with("http/1.1 2") {
            bail!("{}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(self.buffer.split_off(head))
    }
}

pub fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Sends the requests with these numbers, each as soon as a connection is free. Returns how long it took and each latency.
pub async fn closed_loop(
    addr: SocketAddr,
    numbers: std::ops::Range<u64>,
    connections: usize,
    requests: &Requests,
) -> anyhow::Result<(Duration, Latencies)> {
    run(addr, numbers, connections, requests, None).await
}

/// Sends the requests with these numbers at a fixed rate. A latency counts from the time at which the request was due if the
/// connections could not keep up.
pub async fn open_loop(
    addr: SocketAddr,
    numbers: std::ops::Range<u64>,
    connections: usize,
    requests: &Requests,
    per_second: f64,
) -> anyhow::Result<Latencies> {
    let spacing = Duration::from_secs_f64(1.0 / per_second);
    let (_, latencies) = run(addr, numbers, connections, requests, Some(spacing)).await?;
    Ok(latencies)
}

async fn run(
    addr: SocketAddr,
    numbers: std::ops::Range<u64>,
    connections: usize,
    requests: &Requests,
    spacing: Option<Duration>,
) -> anyhow::Result<(Duration, Latencies)> {
    /// What a sleep may be late by without counting as the daemon's.
    const SLEEP_LATE_MAX: Duration = Duration::from_millis(3);
    let next = Arc::new(AtomicU64::new(numbers.start));
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(addr).await?);
    }
    let began = Instant::now();
    let tasks: Vec<_> = opened
        .into_iter()
        .map(|mut connection| {
            let (next, requests, first, end) =
                (next.clone(), requests.clone(), numbers.start, numbers.end);
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return anyhow::Ok(latencies);
                    }
                    let request = requests(number);
                    let mut from = Instant::now();
                    if let Some(spacing) = spacing {
                        let due = began + spacing.mul_f64((number - first) as f64);
                        tokio::time::sleep_until(due.into()).await;
                        from = Instant::now();
                        if from > due + SLEEP_LATE_MAX {
                            from = due;
                        }
                    }
                    connection.ask(&request).await?;
                    latencies.push(from.elapsed());
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.context("a task of the load generator")??);
    }
    Ok((began.elapsed(), Latencies::new(all)))
}
