//! The accept loop: every connection has a deadline, their number is bounded, and a shutdown ends them without cutting an
//! answer off.
//!
//! A connection without a whole request in hand (idle, or still sending a head or a body) gives way when all places are taken,
//! so neither connections that are merely held open nor ones that trickle keep a webhook out. [`super::places`] says which one.

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

use super::arriving::Arriving;
use super::patience::Patient;
use super::places::{Asking, Guest, Places};
use super::socket::Socket;
use crate::metrics::Metrics;

/// A head has to be whole after this long; it also ends a connection that asks nothing more.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const HEADERS_MAX: usize = 100;
/// Each connection may hold this much of a head that is not whole.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// A client that takes no byte of its answer for this long is gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait after the system refused a connection (no file descriptor left), so that the loop does not spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);
/// At shutdown, how long a connection has to hand over a request that is on the wire already.
const LAST_CALL: Duration = Duration::from_millis(500);

/// Serves until `shutdown`, then stops accepting, lets requests in flight finish for at most `drain`, and returns.
///
/// At most `connections_max` connections are open at once, over all listeners.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    connections_max: usize,
    metrics: Metrics,
    drain: Duration,
    shutdown: CancellationToken,
) {
    let house = Arc::new(House {
        router,
        places: Places::new(connections_max),
        metrics,
        shutdown: shutdown.clone(),
        kill: CancellationToken::new(),
        tasks: TaskTracker::new(),
    });
    let doors: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(accept(listener, house.clone())))
        .collect();
    shutdown.cancelled().await;
    for door in doors {
        // A door that panicked lets nobody in, which is what is wanted now.
        let _ = door.await;
    }
    house.tasks.close();
    if tokio::time::timeout(drain, house.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = house.tasks.len(),
            "requests are still in flight after {} s: cut off",
            drain.as_secs()
        );
        house.kill.cancel();
        house.tasks.wait().await;
    }
}

/// What all connections share.
struct House {
    router: Router,
    places: Arc<Places>,
    metrics: Metrics,
    shutdown: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
}

async fn accept(listener: TcpListener, house: Arc<House>) {
    let shutdown = house.shutdown.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Only now: nobody has to leave before somebody comes.
                let place = tokio::select! {
                    place = house.places.take() => place,
                    () = shutdown.cancelled() => return,
                };
                let Some(place) = place else { return };
                let work = attend(stream, peer, place, house.clone());
                house.tasks.spawn(work);
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::select! {
                    () = tokio::time::sleep(REFUSED_PAUSE) => {}
                    () = shutdown.cancelled() => return,
                }
            }
        }
    }
}

/// Whether the error is of the one connection, and the next one may be fine.
fn is_the_peers(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// Counts a connection for as long as it lives.
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
async fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
    house: Arc<House>,
) {
    let guest = Guest::new(&house.places, peer.into());
    let _counted = Counted::new(&house.metrics);
    // Answers are written whole; waiting for more would only delay them. A failure costs speed, nothing else.
    let _ = stream.set_nodelay(true);
    let socket = Socket::new(stream);
    let hangup = socket.hangup();
    let service = {
        let (router, guest) = (house.router.clone(), guest.clone());
        hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let asking = guest.asks();
            let router = router.clone();
            let (head, incoming) = request.into_parts();
            let body = Arriving::new(incoming, &head.headers, &guest, asking.request);
            let mut request = Request::from_parts(head, Body::new(body));
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(hangup.clone());
            async move {
                let Ok(response) = router.oneshot(request).await;
                Ok::<_, Infallible>(response.map(|body| Whole {
                    body,
                    _asking: asking,
                }))
            }
        })
    };
    let stalling = guest.clone();
    let stream = Patient::new(socket, STALL_TIMEOUT, move |stalls| stalling.stalls(stalls));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return gone(ended),
        () = guest.has_to_leave() => return,
        () = house.shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection.as_mut() => return gone(ended),
        () = tokio::time::sleep(LAST_CALL) => {}
    }
    if guest.has_a_request() {
        tokio::select! {
            ended = connection => gone(ended),
            () = house.kill.cancelled() => {}
        }
    }
}

fn gone(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// An answer's body. Its request is in flight until it is whole.
struct Whole {
    body: Body,
    _asking: Asking,
}

impl HttpBody for Whole {
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
