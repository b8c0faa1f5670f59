//! The order in which things that wait give way when there is no room: a peer that holds more than its share first, then the
//! oldest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::peer::Peer;

/// Things that may have to give way, oldest first, each with the peer it belongs to and a weight.
///
/// Every operation takes logarithmic time, so a flood that fills the line does not slow it down.
#[derive(Debug)]
pub struct Line<T> {
    next: u64,
    weight: usize,
    by_age: BTreeMap<u64, Seat<T>>,
    by_peer: HashMap<Peer, Share>,
    /// The weight of every peer in the line. The heaviest is last.
    heaviest: BTreeSet<(usize, Peer)>,
}

#[derive(Debug)]
struct Seat<T> {
    peer: Peer,
    weight: usize,
    item: T,
}

/// What one peer has in the line.
#[derive(Debug, Default)]
struct Share {
    weight: usize,
    seats: BTreeSet<u64>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            next: 0,
            weight: 0,
            by_age: BTreeMap::new(),
            by_peer: HashMap::new(),
            heaviest: BTreeSet::new(),
        }
    }
}

impl<T> Line<T> {
    /// Adds an item as the youngest. The number names its seat until it leaves.
    pub fn enter(&mut self, peer: Peer, weight: usize, item: T) -> u64 {
        let seat = self.next;
        self.next += 1;
        self.by_age.insert(
            seat,
            Seat {
                peer,
                weight: 0,
                item,
            },
        );
        self.by_peer.entry(peer).or_default().seats.insert(seat);
        self.grow(seat, weight);
        seat
    }

    /// Adds to the weight of an item.
    pub fn grow(&mut self, seat: u64, more: usize) {
        let Some(found) = self.by_age.get_mut(&seat) else {
            return;
        };
        found.weight += more;
        self.weight += more;
        let peer = found.peer;
        if let Some(share) = self.by_peer.get_mut(&peer) {
            self.heaviest.remove(&(share.weight, peer));
            share.weight += more;
            self.heaviest.insert((share.weight, peer));
        }
    }

    /// The item of a seat.
    pub fn get_mut(&mut self, seat: u64) -> Option<&mut T> {
        self.by_age.get_mut(&seat).map(|found| &mut found.item)
    }

    /// Takes an item out of the line; `None` if it left before.
    pub fn leave(&mut self, seat: u64) -> Option<T> {
        let found = self.by_age.remove(&seat)?;
        self.weight -= found.weight;
        if let Some(share) = self.by_peer.get_mut(&found.peer) {
            self.heaviest.remove(&(share.weight, found.peer));
            share.weight -= found.weight;
            share.seats.remove(&seat);
            if share.seats.is_empty() {
                self.by_peer.remove(&found.peer);
            } else {
                self.heaviest.insert((share.weight, found.peer));
            }
        }
        Some(found.item)
    }

    /// The weight of all items together.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Who gives way next: the oldest item of the heaviest peer if that peer holds more than `share`, else the oldest item.
    pub fn first_to_go(&self, share: usize) -> Option<u64> {
        let heaviest = self.heaviest.last().filter(|(weight, _)| *weight > share);
        match heaviest.and_then(|(_, peer)| self.by_peer.get(peer)) {
            Some(held) => held.seats.first().copied(),
            None => self.by_age.keys().next().copied(),
        }
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
    fn the_oldest_goes_first_and_a_peer_above_its_share_before_it() {
        let mut line = Line::default();
        let oldest = line.enter(peer(1), 1, ());
        let greedy = line.enter(peer(2), 1, ());
        line.enter(peer(2), 1, ());
        line.enter(peer(2), 1, ());
        assert_eq!(line.first_to_go(3), Some(oldest));
        assert_eq!(line.first_to_go(2), Some(greedy));
        line.leave(greedy);
        assert_eq!(line.first_to_go(2), Some(oldest));
    }

    /// `(enter | grow | leave, which peer or seat, weight)`
    fn steps() -> impl Strategy<Value = Vec<(u8, u8, usize)>> {
        prop::collection::vec((0..3_u8, 0..20_u8, 0..9_usize), 0..80)
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_list(steps in steps(), share in 0..40_usize) {
            let mut line = Line::default();
            let mut plain: Vec<(u64, Peer, usize)> = Vec::new();
            for (what, which, weight) in steps {
                match what {
                    0 => {
                        let seat = line.enter(peer(which % 4), weight, which);
                        plain.push((seat, peer(which % 4), weight));
                    }
                    1 => {
                        line.grow(u64::from(which), weight);
                        plain.iter_mut().filter(|p| p.0 == u64::from(which)).for_each(|p| p.2 += weight);
                    }
                    _ => {
                        let left = line.leave(u64::from(which)).is_some();
                        let before = plain.len();
                        plain.retain(|p| p.0 != u64::from(which));
                        prop_assert_eq!(left, plain.len() < before);
                    }
                }
                prop_assert_eq!(line.weight(), plain.iter().map(|p| p.2).sum::<usize>());
                let held = |of: Peer| plain.iter().filter(|p| p.1 == of).map(|p| p.2).sum::<usize>();
                let most = plain.iter().map(|p| held(p.1)).max().unwrap_or(0);
                let first = line.first_to_go(share).and_then(|seat| plain.iter().find(|p| p.0 == seat));
                prop_assert_eq!(first.is_some(), !plain.is_empty());
                if let Some(&(seat, of, _)) = first {
                    let rivals = plain.iter().filter(|p| if most > share { p.1 == of } else { true });
                    prop_assert_eq!(rivals.map(|p| p.0).min(), Some(seat));
                    prop_assert!(most <= share || held(of) == most);
                }
            }
        }
    }
}
