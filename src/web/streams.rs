//! Bounds the number of open event streams, in total and for each peer, because a stream keeps its connection for hours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use axum::http::{HeaderValue, header};

use super::peer::Peer;
use super::problem::Problem;

/// The most streams of one peer. People behind one proxy are one peer.
const PER_PEER_MAX: usize = 128;
const RETRY_AFTER_S: &str = "10";

/// The open event streams.
pub struct Streams {
    max: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_peer: HashMap<Peer, usize>,
}

impl Streams {
    /// Allows `max` streams.
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
    /// 503 if there are too many streams, 429 if this peer has too many.
    pub fn enter(&self, peer: Peer) -> Result<Ticket, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.max {
            return Err(Problem::unavailable(format!(
                "All {} event streams are in use. Close one, or try again later.",
                self.max
            )));
        }
        let of_peer = open.by_peer.entry(peer).or_default();
        if *of_peer >= PER_PEER_MAX {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("This address has {PER_PEER_MAX} event streams open, which is the limit. Close one first."),
            )
            .with_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)));
        }
        *of_peer += 1;
        open.all += 1;
        Ok(Ticket {
            open: self.open.clone(),
            peer,
        })
    }
}

/// One open stream.
pub struct Ticket {
    open: Arc<Mutex<Open>>,
    peer: Peer,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(of_peer) = open.by_peer.get_mut(&self.peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                open.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn bounded_in_all_and_for_each_peer() {
        let peer = |n: u8| Peer::from(SocketAddr::from(([192, 0, 2, n], 1)));
        let streams = Streams::new(PER_PEER_MAX + 2);
        let status = |n: u8| streams.enter(peer(n)).map_err(|p| p.status().as_u16());
        let mut open: Vec<_> = (0..PER_PEER_MAX).map(|_| status(1).ok()).collect();
        assert_eq!(status(1).err(), Some(429));
        open.extend([status(2).ok(), status(3).ok()]);
        assert_eq!(status(4).err(), Some(503));
        open.clear();
        assert!(status(1).is_ok());
        assert!(streams.open.lock().unwrap().by_peer.is_empty());
    }
}
