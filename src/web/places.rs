//! The places for connections: bounded in number, and given up by connections that do not have a whole request in hand.
//!
//! A connection waits while it sends a head or a body, while it is idle, and while the rest of a refused body is thrown away. It
//! is busy from the moment its request is whole until the answer is written. When every place is taken and a new connection
//! comes, one that waits gives way: the oldest, or the oldest of a peer that has more than its share. If none waits, one whose
//! client does not take its answer gives way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::line::Line;
use super::peer::Peer;

/// A peer that has more than this part of the places waiting gives way before others do.
const PEER_SHARE: usize = 4;
/// How long a newcomer waits for the connection that was asked to leave, or for a busy one to end, before it asks the next.
const RETRY: Duration = Duration::from_millis(100);

/// The places of all listeners together.
pub struct Places {
    seats: Arc<Semaphore>,
    share: usize,
    lines: Mutex<Lines>,
}

/// The connections that can give way.
#[derive(Default)]
struct Lines {
    waiting: Line<CancellationToken>,
    /// Busy ones whose answer can't be written on, because the client takes nothing.
    stalled: Line<CancellationToken>,
}

impl Places {
    /// Room for `connections_max` connections.
    #[must_use]
    pub fn new(connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            seats: Arc::new(Semaphore::new(connections_max)),
            share: (connections_max / PEER_SHARE).max(1),
            lines: Mutex::default(),
        })
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection. If all are taken, a connection that waits has to leave.
    pub async fn take(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.seats.clone().try_acquire_owned() {
            return Some(place);
        }
        loop {
            self.one_gives_way();
            let freed = self.seats.clone().acquire_owned();
            if let Ok(place) = tokio::time::timeout(RETRY, freed).await {
                return place.ok();
            }
        }
    }

    fn one_gives_way(&self) {
        let mut lines = self.lines();
        let Lines { waiting, stalled } = &mut *lines;
        for line in [waiting, stalled] {
            let first = line.first_to_go(self.share);
            if let Some(leave) = first.and_then(|seat| line.leave(seat)) {
                leave.cancel();
                return;
            }
        }
    }
}

/// One connection that has a place.
pub struct Guest {
    places: Arc<Places>,
    peer: Peer,
    leave: CancellationToken,
    in_flight: AtomicUsize,
    now: Mutex<Now>,
}

/// What a connection is doing.
#[derive(Default)]
struct Now {
    /// Counts the requests, so that what is left of an earlier one changes nothing.
    request: u64,
    /// Its seat among those that wait.
    waiting: Option<u64>,
    /// Its seat among those whose answer is not taken.
    stalled: Option<u64>,
}

impl Guest {
    /// A new connection, which has not asked anything yet.
    #[must_use]
    pub fn new(places: &Arc<Places>, peer: Peer) -> Arc<Self> {
        let guest = Self {
            places: places.clone(),
            peer,
            leave: CancellationToken::new(),
            in_flight: AtomicUsize::new(0),
            now: Mutex::default(),
        };
        guest.waits(&mut guest.now());
        Arc::new(guest)
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waits(&self, now: &mut Now) {
        let mut lines = self.places.lines();
        if let Some(seat) = now.waiting.take() {
            lines.waiting.leave(seat);
        }
        let leave = self.leave.clone();
        now.waiting = Some(lines.waiting.enter(self.peer, 1, leave));
    }

    fn is_busy(&self, now: &mut Now) {
        if let Some(seat) = now.waiting.take() {
            self.places.lines().waiting.leave(seat);
        }
    }

    /// The client stopped or went on taking its answer.
    pub fn stalls(&self, stalls: bool) {
        let mut now = self.now();
        let mut lines = self.places.lines();
        if let Some(seat) = now.stalled.take() {
            lines.stalled.leave(seat);
        }
        if stalls {
            let leave = self.leave.clone();
            now.stalled = Some(lines.stalled.enter(self.peer, 1, leave));
        }
    }

    /// Ends when the connection has to give way.
    pub async fn has_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// Whether a request is being read or answered.
    #[must_use]
    pub fn has_a_request(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0
    }

    /// The head of a request is whole.
    pub fn asks(self: &Arc<Self>) -> Asking {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let mut now = self.now();
        now.request += 1;
        self.waits(&mut now);
        Asking {
            guest: self.clone(),
            request: now.request,
        }
    }

    /// The body of a request is whole.
    pub fn is_whole(&self, request: u64) {
        let mut now = self.now();
        if now.request == request && self.has_a_request() {
            self.is_busy(&mut now);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.is_busy(&mut self.now());
        self.stalls(false);
    }
}

/// A request whose answer is not written yet.
pub struct Asking {
    guest: Arc<Guest>,
    /// Its number on the connection.
    pub request: u64,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut now = self.guest.now();
        self.guest.in_flight.fetch_sub(1, Ordering::Relaxed);
        if now.request == self.request {
            self.guest.waits(&mut now);
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

    fn left(guest: &Guest) -> bool {
        guest.leave.is_cancelled()
    }

    #[tokio::test]
    async fn what_waits_gives_way_and_what_is_busy_stays() {
        let places = Places::new(3);
        let mut seats = Vec::new();
        for _ in 0..3 {
            seats.push(places.take().await.unwrap());
        }
        let [busy, body, idle] = [1, 2, 3].map(|n| Guest::new(&places, peer(n)));
        let asking = busy.asks();
        busy.is_whole(asking.request);
        let unfinished = body.asks();
        places.one_gives_way();
        // A head made the second one younger than the third.
        assert_eq!([&busy, &body, &idle].map(|g| left(g)), [false, false, true]);
        drop((seats.pop(), idle));
        assert!(places.take().await.is_some());
        // Its answer was written, and now it is the youngest.
        drop(asking);
        places.one_gives_way();
        assert_eq!([&busy, &body].map(|g| left(g)), [false, true]);
        drop(unfinished);
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_gives_way_when_nothing_waits() {
        let places = Places::new(2);
        let [taking, stalling, idle] = [1, 2, 3].map(|n| Guest::new(&places, peer(n)));
        let asking = [taking.asks(), stalling.asks()];
        taking.is_whole(asking[0].request);
        stalling.is_whole(asking[1].request);
        taking.stalls(true);
        stalling.stalls(true);
        taking.stalls(false);
        let all = [&taking, &stalling, &idle];
        places.one_gives_way();
        assert_eq!(all.map(|g| left(g)), [false, false, true]);
        places.one_gives_way();
        assert_eq!(all.map(|g| left(g)), [false, true, true]);
        places.one_gives_way();
        assert_eq!(all.map(|g| left(g)), [false, true, true]);
    }

    #[tokio::test]
    async fn the_end_of_a_body_does_not_make_the_next_request_busy() {
        let places = Places::new(1);
        let guest = Guest::new(&places, peer(1));
        let first = guest.asks().request;
        guest.is_whole(first);
        assert_eq!(places.lines().waiting.weight(), 1, "it was answered");
        let second = guest.asks();
        guest.is_whole(first);
        assert_eq!(places.lines().waiting.weight(), 1);
        guest.is_whole(second.request);
        assert_eq!(places.lines().waiting.weight(), 0);
        drop(second);
        assert_eq!(places.lines().waiting.weight(), 1);
        drop(guest);
        assert_eq!(places.lines().waiting.weight(), 0);
    }
}
