//! The memory for request bodies: bounded over all connections together.
//!
//! There are three pools: for requests whose head proves who sent them (a token, a session, the static header of a webhook), for
//! webhooks that only a signature over the body can prove, and a small one for the rest, such as the log-in form. If a body does
//! not fit into its pool, an unfinished body in the same pool is evicted: the oldest, or the oldest of a peer above its share. So
//! a sender without a secret can't take the memory of one who has a secret, a flood of webhooks can't keep people from logging
//! in, and slow bodies can't keep the next webhook out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::eviction::EvictionQueue;
use super::peer::Peer;

/// The memory of all bodies together.
const ALL_BYTES_MAX: usize = 256 << 20;
/// The part of it for webhooks that a signature over the body has to prove.
const SIGNED_BYTES_MAX: usize = 64 << 20;
/// The part of it for requests without any proof.
const ANONYMOUS_BYTES_MAX: usize = 8 << 20;
/// A peer with more than one part in this many of a pool is evicted before others.
const PEER_SHARE: usize = 4;
/// The first allocation of a body.
const FIRST_BYTES: usize = 1024;

/// What proves who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The head.
    Head,
    /// A signature over the body, which is checked once the body is whole.
    Signature,
    /// Nothing.
    None,
}

/// The three pools.
pub struct Bodies {
    proved: Arc<Pool>,
    signed: Arc<Pool>,
    anonymous: Arc<Pool>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            proved: Pool::new(ALL_BYTES_MAX - SIGNED_BYTES_MAX - ANONYMOUS_BYTES_MAX),
            signed: Pool::new(SIGNED_BYTES_MAX),
            anonymous: Pool::new(ANONYMOUS_BYTES_MAX),
        }
    }
}

impl Bodies {
    /// Begins the body of a new request, of at most `bytes_max`. It takes no memory before bytes arrive.
    pub fn begin(&self, proof: Proof, peer: Peer, bytes_max: usize) -> PartialBody {
        let pool = match proof {
            Proof::Head => &self.proved,
            Proof::Signature => &self.signed,
            Proof::None => &self.anonymous,
        };
        PartialBody::new(pool, peer, bytes_max)
    }
}

struct Pool {
    bytes_max: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    partial: EvictionQueue<Part>,
    /// The memory of whole bodies whose requests are being handled.
    whole_bytes: usize,
}

/// What has arrived of a body.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    evicted: CancellationToken,
}

impl Pool {
    fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            used: Mutex::default(),
        })
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn bytes(&self) -> usize {
        self.partial.weight() + self.whole_bytes
    }
}

/// The body was evicted to make room for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evicted;

/// A body that is being read. The pool owns its bytes, so that an eviction frees them at once.
pub struct PartialBody {
    pool: Arc<Pool>,
    key: u64,
    bytes_max: usize,
    evicted: CancellationToken,
}

impl PartialBody {
    fn new(pool: &Arc<Pool>, peer: Peer, bytes_max: usize) -> Self {
        let part = Part::default();
        let evicted = part.evicted.clone();
        Self {
            pool: pool.clone(),
            key: pool.used().partial.push(peer, 0, part),
            bytes_max,
            evicted,
        }
    }

    /// Appends bytes that arrived.
    ///
    /// # Errors
    /// [`Evicted`] if this body was or is evicted.
    pub fn add(&self, data: &[u8]) -> Result<(), Evicted> {
        let mut used = self.pool.used();
        let part = used.partial.get_mut(self.key).ok_or(Evicted)?;
        let (length, capacity) = (part.bytes.len(), part.bytes.capacity());
        let needed = length + data.len();
        if needed > self.pool.bytes_max {
            return Err(Evicted);
        }
        if needed > capacity {
            let wanted = needed.max((2 * capacity).max(FIRST_BYTES).min(self.bytes_max));
            let more = wanted - capacity;
            while used.bytes() + more > self.pool.bytes_max {
                let first = used
                    .partial
                    .next_to_evict(self.pool.bytes_max / PEER_SHARE)
                    .ok_or(Evicted)?;
                if let Some(part) = used.partial.remove(first) {
                    part.evicted.cancel();
                }
                if first == self.key {
                    return Err(Evicted);
                }
            }
            let part = used.partial.get_mut(self.key).ok_or(Evicted)?;
            part.bytes
                .try_reserve_exact(wanted - length)
                .map_err(|_| Evicted)?;
            used.partial.grow(self.key, more);
        }
        let part = used.partial.get_mut(self.key).ok_or(Evicted)?;
        part.bytes.extend_from_slice(data);
        Ok(())
    }

    /// Completes when this body is evicted.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Whether more than half of the pool is used.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.pool.used().bytes() > self.pool.bytes_max / 2
    }

    /// Returns the whole body. Its bytes count until the [`HeldMemory`] is dropped.
    ///
    /// # Errors
    /// [`Evicted`] if this body was evicted.
    pub fn finish(self) -> Result<(Vec<u8>, HeldMemory), Evicted> {
        let mut used = self.pool.used();
        let part = used.partial.remove(self.key).ok_or(Evicted)?;
        let bytes = part.bytes.capacity();
        used.whole_bytes += bytes;
        let pool = self.pool.clone();
        Ok((part.bytes, HeldMemory { pool, bytes }))
    }
}

impl Drop for PartialBody {
    fn drop(&mut self) {
        self.pool.used().partial.remove(self.key);
    }
}

/// The memory of a whole body. Keep it while the request is handled.
pub struct HeldMemory {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        self.pool.used().whole_bytes -= self.bytes;
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
    fn the_oldest_partial_body_is_evicted_and_a_whole_one_is_not() {
        let pool = Pool::new(4096);
        let begin = |n| PartialBody::new(&pool, peer(n), 1024);
        let (whole, oldest, other, newcomer) = (begin(1), begin(2), begin(3), begin(4));
        let filler = begin(5);
        for body in [&whole, &oldest, &other, &filler] {
            assert_eq!(body.add(&[7; 1000]), Ok(()));
        }
        let (bytes, held) = whole.finish().unwrap();
        assert_eq!(bytes, [7; 1000]);
        assert_eq!(newcomer.add(b"{}"), Ok(()));
        assert_eq!(oldest.add(b"x"), Err(Evicted));
        assert!(oldest.evicted.is_cancelled());
        assert_eq!(other.add(b"x"), Ok(()));
        drop((other, filler, newcomer, oldest, held));
        assert_eq!(pool.used().bytes(), 0);
    }

    #[test]
    fn a_body_that_does_not_fit_beside_whole_ones_is_evicted() {
        let pool = Pool::new(4096);
        let begin = |n| PartialBody::new(&pool, peer(n), 4096);
        let first = begin(1);
        assert_eq!(first.add(&[0; 4000]), Ok(()));
        let held = first.finish().unwrap();
        let second = begin(2);
        assert_eq!(second.add(&[0; 500]), Err(Evicted));
        drop(held);
        assert_eq!(begin(2).add(&[0; 500]), Ok(()));
    }

    #[test]
    fn a_flood_of_webhooks_leaves_room_for_the_log_in_form() {
        let bodies = Bodies::default();
        let begin = |proof, n| bodies.begin(proof, peer(n), SIGNED_BYTES_MAX);
        let webhook = begin(Proof::Signature, 1);
        assert_eq!(webhook.add(&vec![0; SIGNED_BYTES_MAX]), Ok(()));
        let _held = webhook.finish().unwrap();
        assert_eq!(begin(Proof::Signature, 2).add(b"{}"), Err(Evicted));
        assert_eq!(begin(Proof::None, 2).add(b"token=x"), Ok(()));
        assert_eq!(begin(Proof::Head, 2).add(b"{}"), Ok(()));
    }

    proptest! {
        #[test]
        fn the_bytes_are_bounded_and_all_come_back(
            steps in prop::collection::vec((0..12_usize, 0..3000_usize, 0..8_u8), 1..120),
        ) {
            const MAX: usize = 16 * 1024;
            let pool = Pool::new(MAX);
            let mut bodies: Vec<Option<PartialBody>> = Vec::new();
            let mut held = Vec::new();
            bodies.resize_with(12, || None);
            for (which, size, what) in steps {
                let body = bodies[which].get_or_insert_with(|| PartialBody::new(&pool, peer(what), 8192));
                let added = body.add(&vec![1; size]);
                if added.is_err() || what == 0 {
                    bodies[which] = None;
                } else if what == 1 && let Some(body) = bodies[which].take() {
                    held.extend(body.finish().map(|(bytes, held)| (bytes.capacity(), held)));
                } else if what == 2 {
                    held.pop();
                }
                let used = pool.used();
                prop_assert!(used.bytes() <= MAX);
                prop_assert_eq!(used.whole_bytes, held.iter().map(|h| h.0).sum::<usize>());
            }
            drop((bodies, held));
            prop_assert_eq!(pool.used().bytes(), 0);
        }
    }
}
