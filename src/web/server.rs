//! The accept loop: every connection has a deadline, their number is bounded, and a shutdown cuts no answer off.
//!
//! A connection without a whole request (idle, or still sending a head or a body) is closed when all places are taken and a new
//! one comes. So neither idle connections nor slow ones keep a webhook out. [`super::places`] decides which one is closed. Each
//! endpoint has places of its own, so a flood at one address keeps nobody out of the other.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::places::{Connection, InFlight, Places};
use super::request_body::RequestBody;
use super::socket::Socket;
use super::stall_timeout::StallTimeout;
use crate::metrics::Metrics;

/// A head must be whole after this time. It also closes a connection that sends no further request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const HEADERS_MAX: usize = 100;
/// How much of an unfinished head each connection may hold.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// A client that reads no byte of its answer for this long is disconnected.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after a failed accept (no file descriptor left), so that the loop does not spin.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection has at shutdown to deliver a request that is already on the wire.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_millis(500);

/// Listeners that serve the same routes and share their places.
pub struct Endpoint {
    /// Where connections are accepted.
    pub listeners: Vec<TcpListener>,
    /// What is served there.
    pub router: Router,
    /// How many connections may be open at once, over all of its listeners.
    pub connections_max: usize,
}

/// Serves until `shutdown`, then stops accepting, lets requests in flight finish for at most `drain`, and returns.
pub async fn serve(
    endpoints: Vec<Endpoint>,
    metrics: Metrics,
    drain: Duration,
    shutdown: CancellationToken,
) {
    let (kill, tasks) = (CancellationToken::new(), TaskTracker::new());
    let mut accepting = Vec::new();
    for endpoint in endpoints {
        let server = Arc::new(Server {
            router: endpoint.router,
            places: Places::new(endpoint.connections_max),
            metrics: metrics.clone(),
            shutdown: shutdown.clone(),
            kill: kill.clone(),
            tasks: tasks.clone(),
        });
        for listener in endpoint.listeners {
            accepting.push(tokio::spawn(accept(listener, server.clone())));
        }
    }
    shutdown.cancelled().await;
    for task in accepting {
        // A task that panicked accepts nothing, which is what is wanted now.
        let _ = task.await;
    }
    tasks.close();
    if tokio::time::timeout(drain, tasks.wait()).await.is_err() {
        tracing::warn!(
            connections = tasks.len(),
            drain_s = drain.as_secs(),
            "requests are still in flight: cut off"
        );
        kill.cancel();
        tasks.wait().await;
    }
}

/// What the connections of one endpoint share.
struct Server {
    router: Router,
    places: Arc<Places>,
    metrics: Metrics,
    shutdown: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    let shutdown = server.shutdown.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // The place is taken after the accept, so that no connection is closed before a new one is there.
                let place = tokio::select! {
                    place = server.places.take() => place,
                    () = shutdown.cancelled() => return,
                };
                let Some(place) = place else { return };
                let work = serve_connection(stream, peer, place, server.clone());
                server.tasks.spawn(work);
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::select! {
                    () = tokio::time::sleep(ACCEPT_ERROR_PAUSE) => {}
                    () = shutdown.cancelled() => return,
                }
            }
        }
    }
}

/// Whether the error concerns a single connection, so that the next accept may succeed at once.
fn concerns_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// Counts an open connection until it is dropped.
struct Counted(Metrics);

impl Counted {
    fn new(metrics: &Metrics) -> Self {
        metrics.connection_opened();
        Self(metrics.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connection_closed();
    }
}

/// Serves one connection to its end.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
    server: Arc<Server>,
) {
    let connection = Connection::new(&server.places, peer.into());
    let _counted = Counted::new(&server.metrics);
    // Answers are written whole, so Nagle's algorithm would only delay them. A failure costs nothing but speed.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream);
    let hangup = socket.hangup();
    let service = {
        let (router, connection) = (server.router.clone(), connection.clone());
        hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let in_flight = connection.begin_request();
            let router = router.clone();
            let (head, incoming) = request.into_parts();
            let body = RequestBody::new(incoming, &head.headers, &connection, in_flight.request);
            let mut request = Request::from_parts(head, Body::new(body));
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(hangup.clone());
            async move {
                let Ok(response) = router.oneshot(request).await;
                Ok::<_, Infallible>(response.map(|body| AnswerBody {
                    body,
                    _in_flight: in_flight,
                }))
            }
        })
    };
    let stalling = connection.clone();
    let stream = StallTimeout::new(socket, STALL_TIMEOUT, move |stalled| {
        stalling.set_stalled(stalled);
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut http = pin!(http);
    tokio::select! {
        ended = http.as_mut() => return log_end(ended),
        () = connection.evicted() => return,
        () = server.shutdown.cancelled() => http.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = http.as_mut() => return log_end(ended),
        () = tokio::time::sleep(LAST_REQUEST_TIMEOUT) => {}
    }
    if connection.has_request_in_flight() {
        tokio::select! {
            ended = http => log_end(ended),
            () = server.kill.cancelled() => {}
        }
    }
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// The body of an answer. Its request stays in flight until the body was written or dropped.
struct AnswerBody {
    body: Body,
    _in_flight: InFlight,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
