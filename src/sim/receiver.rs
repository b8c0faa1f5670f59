//! A local receiver of webhooks: it records every request and answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// The largest body that is taken, in bytes.
const BODY_MAX: usize = 4 << 20;

/// One request, whole.
#[derive(Debug, Clone)]
pub struct Received {
    /// When its body had come.
    pub at: Timestamp,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Received {
    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// `Retry-After`, word for word.
    pub retry_after: Option<String>,
    /// `Location`, word for word.
    pub location: Option<String>,
    /// The wait before the answer, in the clock's time.
    pub delay: Duration,
    /// Whether the connection is closed once the request was read, without an answer.
    pub cut: bool,
}

impl Reply {
    /// 200 with Slack's `ok`, at once.
    #[must_use]
    pub fn ok() -> Self {
        Self::status(200, "ok")
    }

    /// A status and a body, at once.
    #[must_use]
    pub fn status(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.to_owned(),
            retry_after: None,
            location: None,
            delay: Duration::ZERO,
            cut: false,
        }
    }

    /// No answer: the request is read and the connection closed.
    #[must_use]
    pub fn cut() -> Self {
        Self {
            cut: true,
            ..Self::ok()
        }
    }

    /// With `Retry-After`.
    #[must_use]
    pub fn retry_after(self, value: &str) -> Self {
        Self {
            retry_after: Some(value.to_owned()),
            ..self
        }
    }

    /// With `Location`.
    #[must_use]
    pub fn location(self, value: &str) -> Self {
        Self {
            location: Some(value.to_owned()),
            ..self
        }
    }

    /// After a wait in the clock's time.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

#[derive(Default)]
struct Script {
    /// What a path answers from now on.
    standing: HashMap<String, Reply>,
    /// What a path answers next, before that.
    next: HashMap<String, VecDeque<Reply>>,
    received: Vec<Received>,
}

/// A receiver on a loopback listener. It answers 200 `ok` unless told otherwise, until it is dropped.
pub struct Receiver {
    script: Arc<Mutex<Script>>,
    count: watch::Receiver<usize>,
    addr: SocketAddr,
    server: AbortHandle,
}

impl Receiver {
    /// Starts one on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(clock: Clock) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let script = Arc::new(Mutex::new(Script::default()));
        let (counted, count) = watch::channel(0);
        let counted = Arc::new(counted);
        let router = Router::new().fallback({
            let script = Arc::clone(&script);
            move |request: Request| {
                answer(
                    Arc::clone(&script),
                    Arc::clone(&counted),
                    clock.clone(),
                    request,
                )
            }
        });
        let server = tokio::spawn(async move {
            // It ends only when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            script,
            count,
            addr,
            server: server.abort_handle(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// What a path answers from now on.
    pub fn answer(&self, path: &str, reply: Reply) {
        lock(&self.script).standing.insert(path.to_owned(), reply);
    }

    /// What a path answers once, after what was queued before.
    pub fn answer_next(&self, path: &str, reply: Reply) {
        let mut script = lock(&self.script);
        script
            .next
            .entry(path.to_owned())
            .or_default()
            .push_back(reply);
    }

    /// Every request so far, in the order their bodies came.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.script).received.clone()
    }

    /// The requests to one path.
    #[must_use]
    pub fn received_at(&self, path: &str) -> Vec<Received> {
        let mut all = self.received();
        all.retain(|received| received.path == path);
        all
    }

    /// Waits until so many requests have come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut seen = self.count.clone();
        // The sender lives as long as the server, which lives as long as this.
        let _ = seen.wait_for(|so_far| *so_far >= count).await;
        self.received()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    script: Arc<Mutex<Script>>,
    counted: Arc<watch::Sender<usize>>,
    clock: Clock,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return plain(413, "");
    };
    let path = head.uri.path().to_owned();
    let reply = {
        let mut script = lock(&script);
        script.received.push(Received {
            at: clock.now(),
            path: path.clone(),
            headers: head.headers,
            body,
        });
        counted.send_replace(script.received.len());
        let next = script.next.get_mut(&path).and_then(VecDeque::pop_front);
        next.or_else(|| script.standing.get(&path).cloned())
            .unwrap_or_else(Reply::ok)
    };
    clock.sleep(reply.delay).await;
    if reply.cut {
        let mut response = Response::new(Body::from_stream(stream::once(async {
            Err::<Bytes, _>(std::io::Error::other("cut"))
        })));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
        return response;
    }
    let mut response = plain(reply.status, &reply.body);
    for (name, value) in [
        (header::RETRY_AFTER, reply.retry_after),
        (header::LOCATION, reply.location),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn plain(status: u16, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response
}
