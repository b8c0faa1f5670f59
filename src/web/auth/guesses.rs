//! Wrong tokens: counted, logged at a bounded rate, and answered late.
//!
//! A token is compared before anything here happens. So a right one never waits, whatever others try from the same address. The
//! counts are in a table of a fixed size. Peers that share a row share the delay of their wrong tokens.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::metrics::{Metrics, TokenUse};
use crate::web::log_limit::LogLimit;
use crate::web::peer::Peer;

/// The number of rows of the table.
const ROWS: usize = 4_096;
/// A peer is forgiven one wrong token for each interval of this length.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10);
/// The largest count of wrong tokens of a peer.
const REMEMBERED_MAX: u32 = 128;
/// How many wrong tokens of one peer, and of all peers, wait for their answer at a time. Further ones are answered at once, so that
/// they don't occupy the places of other connections.
const WAITING_PER_PEER_MAX: u32 = 256;
const WAITING_MAX: u32 = 512;

/// The counts of wrong tokens.
pub struct Guesses {
    hasher: RandomState,
    table: Mutex<Table>,
    log: LogLimit,
}

struct Table {
    rows: Vec<Row>,
    waiting: u32,
}

#[derive(Clone, Copy, Default)]
struct Row {
    wrong: u32,
    /// When `wrong` was counted.
    at: Duration,
    waiting: u32,
}

/// A wrong token that waits for its answer.
struct Turn<'g> {
    guesses: &'g Guesses,
    row: usize,
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            table: Mutex::new(Table {
                rows: vec![Row::default(); ROWS],
                waiting: 0,
            }),
            log: LogLimit::new(),
        }
    }
}

impl Guesses {
    /// Counts and logs a wrong token. Returns when it may be answered.
    pub async fn wrong(
        &self,
        clock: &Clock,
        metrics: &Metrics,
        used: TokenUse,
        peer: Option<IpAddr>,
    ) {
        metrics.auth_failure(used);
        let now = clock.steady();
        if let Some(left_out) = self.log.line() {
            let peer = peer.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
            tracing::warn!(peer, used = used.as_str(), left_out, "wrong token");
        }
        if let Some((_turn, delay)) = self.turn(peer, now) {
            tokio::time::sleep(delay).await;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how long the answer waits, or `None` if too many answers wait.
    fn turn(&self, peer: Option<IpAddr>, now: Duration) -> Option<(Turn<'_>, Duration)> {
        let row = self.row(peer);
        let mut table = self.table();
        let all = table.waiting;
        let found = &mut table.rows[row];
        let forgiven = now.saturating_sub(found.at).as_secs() / FORGIVEN_AFTER.as_secs();
        let before = found
            .wrong
            .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
        found.wrong = (before + 1).min(REMEMBERED_MAX);
        found.at = now;
        if found.waiting >= WAITING_PER_PEER_MAX || all >= WAITING_MAX {
            return None;
        }
        found.waiting += 1;
        table.waiting += 1;
        let delay = Duration::from_millis(match before {
            0..8 => 500,
            8..64 => 1_000,
            _ => 2_000,
        });
        let guesses = self;
        Some((Turn { guesses, row }, delay))
    }

    fn row(&self, peer: Option<IpAddr>) -> usize {
        let hash = self.hasher.hash_one(peer.map(Peer::from));
        usize::try_from(hash % ROWS as u64).unwrap_or(0)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut table = self.guesses.table();
        table.waiting = table.waiting.saturating_sub(1);
        let row = &mut table.rows[self.row];
        row.waiting = row.waiting.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn a_peer_that_goes_on_waits_longer_and_is_forgiven_in_time() {
        let guesses = Guesses::default();
        let delay = |at: u64| {
            let turn = guesses.turn(ip("192.0.2.1"), Duration::from_secs(at));
            turn.map(|(_, delay)| delay.as_millis())
        };
        let first: Vec<_> = (0..100).map(|_| delay(0).unwrap_or_default()).collect();
        assert_eq!(
            (first[0], first[7], first[8], first[64]),
            (500, 500, 1_000, 2_000)
        );
        assert_eq!(delay(10_000), Some(500));
    }

    #[test]
    fn those_that_wait_are_bounded_for_each_and_for_all() {
        let guesses = Guesses::default();
        let mut turns = Vec::new();
        for n in 0..1_000 {
            turns.extend(guesses.turn(ip("192.0.2.1"), Duration::from_secs(n)));
        }
        assert_eq!(turns.len(), WAITING_PER_PEER_MAX as usize);
        for n in 0..60_000_u32 {
            let other = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            turns.extend(guesses.turn(Some(other), Duration::ZERO));
        }
        assert_eq!(turns.len(), WAITING_MAX as usize);
        turns.clear();
        assert!(guesses.turn(ip("192.0.2.1"), Duration::ZERO).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let guesses = Guesses::default();
        assert_eq!(
            guesses.row(ip("2001:db8::1")),
            guesses.row(ip("2001:db8::ffff:2"))
        );
        assert_eq!(
            guesses.row(ip("192.0.2.1")),
            guesses.row(ip("::ffff:192.0.2.1"))
        );
    }
}
