//! Links that log in. Each has a random code that works once and expires soon. `acceptd demo` prints one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::Clock;

/// The time after which a link expires.
pub const LIFETIME: Duration = Duration::from_secs(600);
/// The most unused links at a time.
const OPEN_MAX: usize = 16;

/// The unused links, by the hash of their code.
#[derive(Default)]
pub struct LoginLinks(Mutex<HashMap<[u8; 32], Link>>);

struct Link {
    token: String,
    until: Duration,
}

impl LoginLinks {
    /// Makes a link that logs in with the token of this name. Returns its path.
    #[must_use]
    pub fn make(&self, token: &str, clock: &Clock) -> String {
        let code = hex::encode(rand::random::<[u8; 32]>());
        let now = clock.steady();
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, link| now < link.until);
        if links.len() >= OPEN_MAX {
            links.clear();
        }
        let link = Link {
            token: token.to_owned(),
            until: now + LIFETIME,
        };
        links.insert(Sha256::digest(&code).into(), link);
        format!("/login/{code}")
    }

    /// Uses up a code. Returns the name of the token that it logs in with.
    pub fn take(&self, code: &str, clock: &Clock) -> Option<String> {
        let hash: [u8; 32] = Sha256::digest(code).into();
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let link = links.remove(&hash)?;
        (clock.steady() < link.until).then_some(link.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_link_works_once_and_expires() {
        let (links, clock) = (LoginLinks::default(), Clock::by_hand(Timestamp(0)));
        let code = |path: &str| path.trim_start_matches("/login/").to_owned();
        let first = code(&links.make("admin", &clock));
        assert_eq!(links.take(&first, &clock).as_deref(), Some("admin"));
        assert_eq!(links.take(&first, &clock), None);
        let late = code(&links.make("admin", &clock));
        clock.advance(LIFETIME);
        assert_eq!(links.take(&late, &clock), None);
        assert_eq!(links.take("", &clock), None);
    }
}
