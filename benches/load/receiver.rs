//! Receives deliveries: answers 204 and remembers when each enrollment's event came to which path. Paths that begin with `/hang`
//! are never answered.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client::find;

/// When each event was received, by path and number of the enrollment.
type Received = HashMap<(String, u64), Instant>;

/// A receiver on a loopback port. It runs as long as the process.
#[derive(Clone)]
pub struct Receiver {
    addr: SocketAddr,
    received: Arc<Mutex<Received>>,
    count: watch::Receiver<u64>,
}

impl Receiver {
    /// Starts one.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let received = Arc::<Mutex<Received>>::default();
        let (counted, count) = watch::channel(0);
        let counted = Arc::new(counted);
        let shared = received.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (received, counted) = (shared.clone(), counted.clone());
                tokio::spawn(async move {
                    // It ends when the daemon closes the connection.
                    let _ = serve(stream, &received, &counted).await;
                });
            }
        });
        Ok(Self {
            addr,
            received,
            count,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A url of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// How many events came so far.
    pub fn count(&self) -> u64 {
        *self.count.borrow()
    }

    /// Waits until so many events came in all.
    pub async fn wait_for(&self, count: u64) -> anyhow::Result<()> {
        let mut counted = self.count.clone();
        let wait = counted.wait_for(|n| *n >= count);
        if tokio::time::timeout(Duration::from_secs(120), wait)
            .await
            .is_err()
        {
            bail!("{} of {count} events came", self.count());
        }
        Ok(())
    }

    /// When the event of an enrollment came to a path.
    pub fn received_at(&self, path: &str, number: u64) -> Option<Instant> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.get(&(path.to_owned(), number)).copied()
    }
}

async fn serve(
    mut stream: TcpStream,
    received: &Mutex<Received>,
    counted: &watch::Sender<u64>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(8192);
    loop {
        let head = loop {
            if let Some(end) = find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let text = std::str::from_utf8(&buffer[..head])?;
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        let length = text
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok())
            .unwrap_or_default();
        while buffer.len() < head + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        if path.starts_with("/hang") {
            std::future::pending::<()>().await;
        }
        let number = number(&buffer[head..head + length]);
        received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((path, number), Instant::now());
        counted.send_modify(|n| *n += 1);
        buffer.drain(..head + length);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}

/// The number of the enrollment in a body.
fn number(body: &[u8]) -> u64 {
    const KEY: &[u8] = b"\"enrollmentId\":\"enr_";
    let digits = find(body, KEY).map_or(&body[..0], |at| &body[at + KEY.len()..]);
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}
