//! The order in which entries are evicted when there is no room: those of a peer above its share first, then the oldest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::peer::Peer;

/// Entries that may be evicted, oldest first. Each belongs to a peer and has a weight.
///
/// Every operation takes logarithmic time, so a flood that fills the queue does not slow it down.
#[derive(Debug)]
pub struct EvictionQueue<T> {
    next: u64,
    weight: usize,
    by_age: BTreeMap<u64, Entry<T>>,
    by_peer: HashMap<Peer, Share>,
    /// The weight of every peer in the queue. The heaviest is last.
    heaviest: BTreeSet<(usize, Peer)>,
}

#[derive(Debug)]
struct Entry<T> {
    peer: Peer,
    weight: usize,
    item: T,
}

/// The entries of one peer.
#[derive(Debug, Default)]
struct Share {
    weight: usize,
    entries: BTreeSet<u64>,
}

impl<T> Default for EvictionQueue<T> {
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

impl<T> EvictionQueue<T> {
    /// Adds an item as the youngest and returns the key of its entry.
    pub fn push(&mut self, peer: Peer, weight: usize, item: T) -> u64 {
        let key = self.next;
        self.next += 1;
        self.by_age.insert(
            key,
            Entry {
                peer,
                weight: 0,
                item,
            },
        );
        self.by_peer.entry(peer).or_default().entries.insert(key);
        self.grow(key, weight);
        key
    }

    /// Adds to the weight of an entry. An entry that was removed stays removed.
    pub fn grow(&mut self, key: u64, more: usize) {
        let Some(found) = self.by_age.get_mut(&key) else {
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

    /// Returns the item of an entry.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.by_age.get_mut(&key).map(|found| &mut found.item)
    }

    /// Removes an entry and returns its item; `None` if it was removed before.
    pub fn remove(&mut self, key: u64) -> Option<T> {
        let found = self.by_age.remove(&key)?;
        self.weight -= found.weight;
        if let Some(share) = self.by_peer.get_mut(&found.peer) {
            self.heaviest.remove(&(share.weight, found.peer));
            share.weight -= found.weight;
            share.entries.remove(&key);
            if share.entries.is_empty() {
                self.by_peer.remove(&found.peer);
            } else {
                self.heaviest.insert((share.weight, found.peer));
            }
        }
        Some(found.item)
    }

    /// Returns the weight of all entries together.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Returns the key of the next entry to evict: the oldest of the heaviest peer if that peer holds more than `share`, else the
    /// oldest of all.
    pub fn next_to_evict(&self, share: usize) -> Option<u64> {
        let heaviest = self.heaviest.last().filter(|(weight, _)| *weight > share);
        match heaviest.and_then(|(_, peer)| self.by_peer.get(peer)) {
            Some(held) => held.entries.first().copied(),
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
    fn a_peer_above_its_share_goes_first_then_the_oldest() {
        let mut queue = EvictionQueue::default();
        let oldest = queue.push(peer(1), 1, ());
        let greedy = queue.push(peer(2), 1, ());
        queue.push(peer(2), 1, ());
        queue.push(peer(2), 1, ());
        assert_eq!(queue.next_to_evict(3), Some(oldest));
        assert_eq!(queue.next_to_evict(2), Some(greedy));
        queue.remove(greedy);
        assert_eq!(queue.next_to_evict(2), Some(oldest));
    }

    /// `(push | grow | remove, which peer or entry, weight)`
    fn steps() -> impl Strategy<Value = Vec<(u8, u8, usize)>> {
        prop::collection::vec((0..3_u8, 0..20_u8, 0..9_usize), 0..80)
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_list(steps in steps(), share in 0..40_usize) {
            let mut queue = EvictionQueue::default();
            let mut plain: Vec<(u64, Peer, usize)> = Vec::new();
            for (what, which, weight) in steps {
                match what {
                    0 => {
                        let key = queue.push(peer(which % 4), weight, which);
                        plain.push((key, peer(which % 4), weight));
                    }
                    1 => {
                        queue.grow(u64::from(which), weight);
                        plain.iter_mut().filter(|p| p.0 == u64::from(which)).for_each(|p| p.2 += weight);
                    }
                    _ => {
                        let removed = queue.remove(u64::from(which)).is_some();
                        let before = plain.len();
                        plain.retain(|p| p.0 != u64::from(which));
                        prop_assert_eq!(removed, plain.len() < before);
                    }
                }
                prop_assert_eq!(queue.weight(), plain.iter().map(|p| p.2).sum::<usize>());
                let held = |of: Peer| plain.iter().filter(|p| p.1 == of).map(|p| p.2).sum::<usize>();
                let most = plain.iter().map(|p| held(p.1)).max().unwrap_or(0);
                let first = queue.next_to_evict(share).and_then(|key| plain.iter().find(|p| p.0 == key));
                prop_assert_eq!(first.is_some(), !plain.is_empty());
                if let Some(&(key, of, _)) = first {
                    let rivals = plain.iter().filter(|p| if most > share { p.1 == of } else { true });
                    prop_assert_eq!(rivals.map(|p| p.0).min(), Some(key));
                    prop_assert!(most <= share || held(of) == most);
                }
            }
        }
    }
}
