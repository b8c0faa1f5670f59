//! The accept loop: every connection has a deadline, their number is bounded, and a shutdown ends them without cutting an
//! answer off (contract section 4, "too slow").
//!
//! A connection that does not ask anything right now (idle between two requests, or still sending its head) gives way when
//! all places are taken, so connections that are merely held open never keep a webhook out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::patience::Patient;
use crate::metrics::Metrics;

/// A head has to be whole after this long; it also ends a connection that asks nothing more.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const HEADERS_MAX: usize = 100;
const HEAD_BYTES_MAX: usize = 64 * 1024;
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
        places: Arc::new(Semaphore::new(connections_max)),
        guests: Mutex::new(Guests::default()),
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
    places: Arc<Semaphore>,
    guests: Mutex<Guests>,
    metrics: Metrics,
    shutdown: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
}

/// The open connections, oldest first.
#[derive(Default)]
struct Guests {
    next: u64,
    open: BTreeMap<u64, Arc<Guest>>,
}

/// One connection, as the others see it.
#[derive(Default)]
struct Guest {
    /// Requests whose answer is not whole yet.
    busy: AtomicUsize,
    leave: CancellationToken,
}

impl House {
    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection. When there is none, the oldest one that asks nothing right now has to leave.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        let idle = self
            .guests()
            .open
            .values()
            .find(|guest| guest.busy.load(Ordering::Relaxed) == 0 && !guest.leave.is_cancelled())
            .cloned();
        if let Some(guest) = idle {
            guest.leave.cancel();
        }
        self.places.clone().acquire_owned().await.ok()
    }
}

async fn accept(listener: TcpListener, house: Arc<House>) {
    let shutdown = house.shutdown.clone();
    loop {
        let place = tokio::select! {
            place = house.place() => place,
            () = shutdown.cancelled() => return,
        };
        let Some(place) = place else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
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

/// Registers a connection for as long as it lives.
struct Registered {
    house: Arc<House>,
    id: u64,
}

impl Registered {
    fn new(house: &Arc<House>, guest: &Arc<Guest>) -> Self {
        let mut guests = house.guests();
        let id = guests.next;
        guests.next += 1;
        guests.open.insert(id, guest.clone());
        house.metrics.connection_opened();
        Self {
            house: house.clone(),
            id,
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.house.guests().open.remove(&self.id);
        self.house.metrics.connection_closed();
    }
}

/// Serves one connection to its end.
async fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
    house: Arc<House>,
) {
    let guest = Arc::new(Guest::default());
    let _registered = Registered::new(&house, &guest);
    // Answers are written whole; waiting for more would only delay them. A failure costs speed, nothing else.
    let _ = stream.set_nodelay(true);
    let service = {
        let (router, guest) = (house.router.clone(), guest.clone());
        hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let busy = Busy::new(&guest);
            let router = router.clone();
            async move {
                let mut request: Request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(peer));
                let Ok(response) = router.oneshot(request).await;
                Ok::<_, Infallible>(response.map(|body| Whole { body, _busy: busy }))
            }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(true)
        .serve_connection(TokioIo::new(Patient::new(stream, STALL_TIMEOUT)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return gone(ended),
        () = guest.leave.cancelled() => return,
        () = house.shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection.as_mut() => return gone(ended),
        () = tokio::time::sleep(LAST_CALL) => {}
    }
    if guest.busy.load(Ordering::Relaxed) > 0 {
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

/// A request whose answer is not whole yet.
struct Busy(Arc<Guest>);

impl Busy {
    fn new(guest: &Arc<Guest>) -> Self {
        guest.busy.fetch_add(1, Ordering::Relaxed);
        Self(guest.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body, which keeps its connection busy until it is whole.
struct Whole {
    body: Body,
    _busy: Busy,
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
