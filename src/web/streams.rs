//! Counts the open event streams. They are bounded in all, for each peer, and for each token and session, because a stream keeps
//! its connection for hours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use axum::http::{HeaderValue, header};

use super::auth::Key;
use super::peer::Peer;
use super::problem::Problem;

/// How many streams one peer may have. People behind one proxy are one peer.
const PER_PEER_MAX: usize = 128;
/// How many streams one token or one session may have, whatever peers it is used from.
const PER_KEY_MAX: usize = 32;
const RETRY_AFTER_S: &str = "10";

/// The open event streams.
pub struct Streams {
    max: usize,
    open: Arc<Mutex<Open>>,
}

/// Who has streams open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    Peer(Peer),
    Key(Key),
}

impl Holder {
    fn max(&self) -> usize {
        match self {
            Self::Peer(_) => PER_PEER_MAX,
            // Without tokens everybody has the same key.
            Self::Key(Key::Open) => usize::MAX,
            Self::Key(_) => PER_KEY_MAX,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Peer(_) => "address",
            Self::Key(Key::Session(..)) => "session",
            Self::Key(_) => "token",
        }
    }
}

#[derive(Default)]
struct Open {
    all: usize,
    by_holder: HashMap<Holder, usize>,
}

impl Streams {
    /// Allows at most `max` streams.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            max,
            open: Arc::default(),
        }
    }

    /// Counts one more stream until the ticket is dropped.
    ///
    /// # Errors
    /// 503 if there are too many streams, 429 if this peer, token or session has too many.
    pub fn enter(&self, peer: Peer, key: &Key) -> Result<Ticket, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.max {
            return Err(Problem::unavailable(format!(
                "All {} event streams are in use. Close one, or try again later.",
                self.max
            )));
        }
        let holders = [Holder::Peer(peer), Holder::Key(key.clone())];
        let full = holders
            .iter()
            .find(|holder| open.by_holder.get(holder).copied().unwrap_or(0) >= holder.max());
        if let Some(full) = full {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "This {} has {} event streams open, which is the limit. Close one first.",
                    full.name(),
                    full.max()
                ),
            )
            .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)));
        }
        for holder in &holders {
            *open.by_holder.entry(holder.clone()).or_default() += 1;
        }
        open.all += 1;
        Ok(Ticket {
            open: self.open.clone(),
            holders,
        })
    }
}

/// One open stream.
pub struct Ticket {
    open: Arc<Mutex<Open>>,
    holders: [Holder; 2],
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        for holder in &self.holders {
            if let Some(count) = open.by_holder.get_mut(holder) {
                *count -= 1;
                if *count == 0 {
                    open.by_holder.remove(holder);
                }
            }
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

    fn token(n: usize) -> Key {
        Key::Token(format!("token {n}"), [0; 32])
    }

    fn refused(streams: &Streams, n: u8, key: &Key) -> Option<u16> {
        let entered = streams.enter(peer(n), key);
        entered.err().map(|problem| problem.status().as_u16())
    }

    #[test]
    fn bounded_in_all_and_for_each_peer() {
        let streams = Streams::new(PER_PEER_MAX + 2);
        let enter = |n: u8, t: usize| streams.enter(peer(n), &token(t)).ok();
        let mut open: Vec<_> = (0..PER_PEER_MAX).map(|t| enter(1, t)).collect();
        assert_eq!(refused(&streams, 1, &token(500)), Some(429));
        open.extend([enter(2, 500), enter(3, 501)]);
        assert_eq!(refused(&streams, 4, &token(502)), Some(503));
        open.clear();
        assert_eq!(refused(&streams, 1, &token(1)), None);
        assert!(streams.open.lock().unwrap().by_holder.is_empty());
    }

    #[test]
    fn bounded_for_each_token_from_any_peers() {
        let streams = Streams::new(1_000);
        let open: Vec<_> = (0..PER_KEY_MAX)
            .map(|n| {
                streams
                    .enter(peer(u8::try_from(n).unwrap()), &token(1))
                    .ok()
            })
            .collect();
        assert!(open.iter().all(Option::is_some));
        assert_eq!(refused(&streams, 200, &token(1)), Some(429));
        assert_eq!(refused(&streams, 200, &token(2)), None);
        drop(open);
        assert_eq!(refused(&streams, 200, &token(1)), None);
    }

    #[test]
    fn in_open_mode_the_peer_is_the_bound() {
        let streams = Streams::new(1_000);
        let open: Vec<_> = (0..PER_PEER_MAX)
            .map(|_| streams.enter(peer(1), &Key::Open).ok())
            .collect();
        assert!(open.iter().all(Option::is_some));
        assert_eq!(refused(&streams, 1, &Key::Open), Some(429));
        assert_eq!(refused(&streams, 2, &Key::Open), None);
    }
}
