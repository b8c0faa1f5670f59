//! The memory for request bodies: bounded over all connections together.
//!
//! There are two rooms. One is for requests whose head proves who sent them (a token, a session, the static header of a
//! webhook). The other is smaller and is for all others, of which a signature over the body is the only proof. A body that does
//! not fit any more makes an unfinished one in the same room give way: the oldest, or the oldest of a peer that has more than
//! its share. So strangers can't take the room of anybody who has a secret, and neither can a few bodies that trickle keep the
//! next webhook out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::line::Line;
use super::peer::Peer;

/// What all bodies may take together.
const ALL_BYTES_MAX: usize = 256 << 20;
/// The part of it for requests whose head proves nothing.
const UNPROVED_BYTES_MAX: usize = 64 << 20;
/// A peer that has more than this part of a room gives way before others do.
const PEER_SHARE: usize = 4;
/// The first piece of memory that a body gets.
const FIRST_BYTES: usize = 1024;

/// What the head of a request proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Who sent it.
    Head,
    /// Nothing, so far.
    None,
}

/// Both rooms.
pub struct Bodies {
    proved: Arc<Room>,
    unproved: Arc<Room>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            proved: Room::new(ALL_BYTES_MAX - UNPROVED_BYTES_MAX),
            unproved: Room::new(UNPROVED_BYTES_MAX),
        }
    }
}

impl Bodies {
    /// A place for the body of a new request, of at most `bytes_max`. It takes no memory before there are bytes.
    pub fn begin(&self, proof: Proof, peer: Peer, bytes_max: usize) -> Unfinished {
        let room = match proof {
            Proof::Head => &self.proved,
            Proof::None => &self.unproved,
        };
        Unfinished::new(room, peer, bytes_max)
    }
}

struct Room {
    bytes_max: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    unfinished: Line<Part>,
    /// Of whole bodies that are being worked on.
    whole_bytes: usize,
}

/// What has arrived of a body.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    gave_way: CancellationToken,
}

impl Room {
    fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            inside: Mutex::default(),
        })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn bytes(&self) -> usize {
        self.unfinished.weight() + self.whole_bytes
    }
}

/// The body had to give way to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaveWay;

/// A body that is being read. Its bytes are kept in the room, so that they are free at once when it gives way.
pub struct Unfinished {
    room: Arc<Room>,
    seat: u64,
    bytes_max: usize,
    gave_way: CancellationToken,
}

impl Unfinished {
    fn new(room: &Arc<Room>, peer: Peer, bytes_max: usize) -> Self {
        let part = Part::default();
        let gave_way = part.gave_way.clone();
        Self {
            room: room.clone(),
            seat: room.inside().unfinished.enter(peer, 0, part),
            bytes_max,
            gave_way,
        }
    }

    /// Adds what has arrived.
    ///
    /// # Errors
    /// [`GaveWay`] when this body had to make room for another one.
    pub fn add(&self, data: &[u8]) -> Result<(), GaveWay> {
        let mut inside = self.room.inside();
        let part = inside.unfinished.get_mut(self.seat).ok_or(GaveWay)?;
        let (length, capacity) = (part.bytes.len(), part.bytes.capacity());
        let needed = length + data.len();
        if needed > self.room.bytes_max {
            return Err(GaveWay);
        }
        if needed > capacity {
            let wanted = needed.max((2 * capacity).max(FIRST_BYTES).min(self.bytes_max));
            let more = wanted - capacity;
            while inside.bytes() + more > self.room.bytes_max {
                let first = inside
                    .unfinished
                    .first_to_go(self.room.bytes_max / PEER_SHARE)
                    .ok_or(GaveWay)?;
                if let Some(part) = inside.unfinished.leave(first) {
                    part.gave_way.cancel();
                }
                if first == self.seat {
                    return Err(GaveWay);
                }
            }
            let part = inside.unfinished.get_mut(self.seat).ok_or(GaveWay)?;
            part.bytes
                .try_reserve_exact(wanted - length)
                .map_err(|_| GaveWay)?;
            inside.unfinished.grow(self.seat, more);
        }
        let part = inside.unfinished.get_mut(self.seat).ok_or(GaveWay)?;
        part.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Ends when this body had to give way.
    pub async fn gave_way(&self) {
        self.gave_way.cancelled().await;
    }

    /// Whether more than half of the room is taken.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.room.inside().bytes() > self.room.bytes_max / 2
    }

    /// The whole body. Its bytes count until [`Held`] goes.
    ///
    /// # Errors
    /// [`GaveWay`].
    pub fn finish(self) -> Result<(Vec<u8>, Held), GaveWay> {
        let mut inside = self.room.inside();
        let part = inside.unfinished.leave(self.seat).ok_or(GaveWay)?;
        let bytes = part.bytes.capacity();
        inside.whole_bytes += bytes;
        let room = self.room.clone();
        Ok((part.bytes, Held { room, bytes }))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.room.inside().unfinished.leave(self.seat);
    }
}

/// The memory of a whole body, as long as the request is worked on.
pub struct Held {
    room: Arc<Room>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.inside().whole_bytes -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;

    fn peer(n: u8) -> Peer {
        Peer::from(SocketAddr::from(([192, 0, 2, n], 1)))
    }

    #[test]
    fn the_oldest_unfinished_body_gives_way_not_a_whole_one() {
        let room = Room::new(4096);
        let begin = |n| Unfinished::new(&room, peer(n), 1024);
        let (whole, oldest, other, newcomer) = (begin(1), begin(2), begin(3), begin(4));
        let filler = begin(5);
        for body in [&whole, &oldest, &other, &filler] {
            assert_eq!(body.add(&[7; 1000]), Ok(()));
        }
        let (bytes, held) = whole.finish().unwrap();
        assert_eq!(bytes, [7; 1000]);
        assert_eq!(newcomer.add(b"{}"), Ok(()));
        assert_eq!(oldest.add(b"x"), Err(GaveWay));
        assert!(oldest.gave_way.is_cancelled());
        assert_eq!(other.add(b"x"), Ok(()));
        drop((other, filler, newcomer, oldest, held));
        assert_eq!(room.inside().bytes(), 0);
    }

    #[test]
    fn a_body_that_fits_beside_nothing_gives_way_itself() {
        let room = Room::new(4096);
        let begin = |n| Unfinished::new(&room, peer(n), 4096);
        let first = begin(1);
        assert_eq!(first.add(&[0; 4000]), Ok(()));
        let held = first.finish().unwrap();
        let second = begin(2);
        assert_eq!(second.add(&[0; 500]), Err(GaveWay));
        drop(held);
        assert_eq!(begin(2).add(&[0; 500]), Ok(()));
    }

    proptest! {
        #[test]
        fn the_bytes_are_bounded_and_all_come_back(
            steps in prop::collection::vec((0..12_usize, 0..3000_usize, 0..8_u8), 1..120),
        ) {
            const MAX: usize = 16 * 1024;
            let room = Room::new(MAX);
            let mut bodies: Vec<Option<Unfinished>> = Vec::new();
            let mut held = Vec::new();
            bodies.resize_with(12, || None);
            for (which, size, what) in steps {
                let body = bodies[which].get_or_insert_with(|| Unfinished::new(&room, peer(what), 8192));
                let added = body.add(&vec![1; size]);
                if added.is_err() || what == 0 {
                    bodies[which] = None;
                } else if what == 1 && let Some(body) = bodies[which].take() {
                    held.extend(body.finish().map(|(bytes, held)| (bytes.capacity(), held)));
                } else if what == 2 {
                    held.pop();
                }
                let inside = room.inside();
                prop_assert!(inside.bytes() <= MAX);
                prop_assert_eq!(inside.whole_bytes, held.iter().map(|h| h.0).sum::<usize>());
            }
            drop((bodies, held));
            prop_assert_eq!(room.inside().bytes(), 0);
        }
    }
}
