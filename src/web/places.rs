//! The places for connections: bounded in number, and taken from connections that have no whole request.
//!
//! A connection is *waiting* while it sends a head or a body, while it is idle, and while the rest of a refused body is
//! discarded. It is *busy* from the moment its request is whole until the answer is written. If every place is taken and a new
//! connection comes, a waiting one is closed: the oldest, or the oldest of a peer above its share. If none is waiting, one is
//! closed whose client does not read its answer.
//!
//! The peer is the other end of the socket, also behind a trusted proxy: `X-Forwarded-For` stands in a head, and a place is
//! needed before the head is read. Behind a proxy all connections are therefore one peer, and the oldest is closed. Limit the
//! connections of each client in the proxy.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::eviction::EvictionQueue;
use super::peer::Peer;

/// A peer with more than one in this many of the places is closed before others.
const PEER_SHARE: usize = 4;
/// How long a new connection waits for the evicted one to close, or for a busy one to end, before another one is evicted.
const RETRY: Duration = Duration::from_millis(100);

/// The places of one endpoint.
pub struct Places {
    free: Arc<Semaphore>,
    share: usize,
    queues: Mutex<Queues>,
}

/// The connections that can be closed to make room.
#[derive(Default)]
struct Queues {
    waiting: EvictionQueue<CancellationToken>,
    /// Busy connections whose client does not read the answer.
    stalled: EvictionQueue<CancellationToken>,
}

impl Places {
    /// Creates places for `connections_max` connections.
    #[must_use]
    pub fn new(connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(connections_max)),
            share: (connections_max / PEER_SHARE).max(1),
            queues: Mutex::default(),
        })
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a new connection. If there is none, evicts connections until one is free.
    pub async fn take(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.free.clone().try_acquire_owned() {
            return Some(place);
        }
        loop {
            self.evict_one();
            let freed = self.free.clone().acquire_owned();
            if let Ok(place) = tokio::time::timeout(RETRY, freed).await {
                return place.ok();
            }
        }
    }

    fn evict_one(&self) {
        let mut queues = self.queues();
        let Queues { waiting, stalled } = &mut *queues;
        for queue in [waiting, stalled] {
            let next = queue.next_to_evict(self.share);
            if let Some(evict) = next.and_then(|key| queue.remove(key)) {
                evict.cancel();
                return;
            }
        }
    }
}

/// One connection that has a place.
pub struct Connection {
    places: Arc<Places>,
    peer: Peer,
    evicted: CancellationToken,
    in_flight: AtomicUsize,
    state: Mutex<State>,
}

/// What a connection is doing.
#[derive(Default)]
struct State {
    /// The number of the latest request. The end of an earlier one changes nothing.
    request: u64,
    /// Its key in the queue of waiting connections.
    waiting: Option<u64>,
    /// Its key in the queue of stalled connections.
    stalled: Option<u64>,
}

impl Connection {
    /// Registers a new connection, which has sent nothing yet.
    #[must_use]
    pub fn new(places: &Arc<Places>, peer: Peer) -> Arc<Self> {
        let connection = Self {
            places: places.clone(),
            peer,
            evicted: CancellationToken::new(),
            in_flight: AtomicUsize::new(0),
            state: Mutex::default(),
        };
        connection.set_waiting(&mut connection.state());
        Arc::new(connection)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_waiting(&self, state: &mut State) {
        let mut queues = self.places.queues();
        if let Some(key) = state.waiting.take() {
            queues.waiting.remove(key);
        }
        let evicted = self.evicted.clone();
        state.waiting = Some(queues.waiting.push(self.peer, 1, evicted));
    }

    fn set_busy(&self, state: &mut State) {
        if let Some(key) = state.waiting.take() {
            self.places.queues().waiting.remove(key);
        }
    }

    /// Notes whether the client has stopped reading its answer.
    pub fn set_stalled(&self, stalled: bool) {
        let mut state = self.state();
        let mut queues = self.places.queues();
        if let Some(key) = state.stalled.take() {
            queues.stalled.remove(key);
        }
        if stalled {
            let evicted = self.evicted.clone();
            state.stalled = Some(queues.stalled.push(self.peer, 1, evicted));
        }
    }

    /// Completes when the connection must be closed to make room.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Whether a request is being read or answered.
    #[must_use]
    pub fn has_request_in_flight(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// Notes that the head of a request is whole.
    pub fn begin_request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        state.request += 1;
        self.set_waiting(&mut state);
        InFlight {
            connection: self.clone(),
            request: state.request,
        }
    }

    /// Notes that the body of a request is whole.
    pub fn request_is_whole(&self, request: u64) {
        let mut state = self.state();
        if state.request == request && self.has_request_in_flight() {
            self.set_busy(&mut state);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.set_busy(&mut self.state());
        self.set_stalled(false);
    }
}

/// A request whose answer is not written yet.
pub struct InFlight {
    connection: Arc<Connection>,
    /// The number of the request on its connection.
    pub request: u64,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.connection.state();
        self.connection.in_flight.fetch_sub(1, Ordering::Relaxed);
        if state.request == self.request {
            self.connection.set_waiting(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn peer(n: u8) -> Peer {
        Peer::from(SocketAddr::from(([192, 0, 2, n], 1)))
    }

    fn evicted(connection: &Connection) -> bool {
        connection.evicted.is_cancelled()
    }

    #[tokio::test]
    async fn a_waiting_connection_is_evicted_and_a_busy_one_is_not() {
        let places = Places::new(3);
        let mut permits = Vec::new();
        for _ in 0..3 {
            permits.push(places.take().await.unwrap());
        }
        let [busy, body, idle] = [1, 2, 3].map(|n| Connection::new(&places, peer(n)));
        let answered = busy.begin_request();
        busy.request_is_whole(answered.request);
        let unfinished = body.begin_request();
        places.evict_one();
        // A head made the second one younger than the third.
        assert_eq!(
            [&busy, &body, &idle].map(|c| evicted(c)),
            [false, false, true]
        );
        drop((permits.pop(), idle));
        assert!(places.take().await.is_some());
        // Its answer was written, and now it is the youngest.
        drop(answered);
        places.evict_one();
        assert_eq!([&busy, &body].map(|c| evicted(c)), [false, true]);
        drop(unfinished);
    }

    #[tokio::test]
    async fn a_stalled_connection_is_evicted_when_none_is_waiting() {
        let places = Places::new(2);
        let [reading, stalled, idle] = [1, 2, 3].map(|n| Connection::new(&places, peer(n)));
        let requests = [reading.begin_request(), stalled.begin_request()];
        reading.request_is_whole(requests[0].request);
        stalled.request_is_whole(requests[1].request);
        reading.set_stalled(true);
        stalled.set_stalled(true);
        reading.set_stalled(false);
        let all = [&reading, &stalled, &idle];
        places.evict_one();
        assert_eq!(all.map(|c| evicted(c)), [false, false, true]);
        places.evict_one();
        assert_eq!(all.map(|c| evicted(c)), [false, true, true]);
        places.evict_one();
        assert_eq!(all.map(|c| evicted(c)), [false, true, true]);
    }

    #[tokio::test]
    async fn an_earlier_body_does_not_make_the_next_request_busy() {
        let places = Places::new(1);
        let connection = Connection::new(&places, peer(1));
        let first = connection.begin_request().request;
        connection.request_is_whole(first);
        assert_eq!(places.queues().waiting.weight(), 1, "it was answered");
        let second = connection.begin_request();
        connection.request_is_whole(first);
        assert_eq!(places.queues().waiting.weight(), 1);
        connection.request_is_whole(second.request);
        assert_eq!(places.queues().waiting.weight(), 0);
        drop(second);
        assert_eq!(places.queues().waiting.weight(), 1);
        drop(connection);
        assert_eq!(places.queues().waiting.weight(), 0);
    }
}
