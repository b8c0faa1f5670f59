//! Feeds systemd's watchdog while the writer and the scheduler show that they are alive.
//!
//! A heartbeat goes on while its owner works, waits for work, or waits for a busy database. It stops only if the owner is stuck.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::systemd;

/// A sign of life that one thread or task gives and the watchdog reads. Cheap to clone, cheap to beat.
#[derive(Clone)]
pub struct Heartbeat(Arc<Heart>);

struct Heart {
    owner: &'static str,
    born: Instant,
    last_beat_ms: AtomicU64,
}

impl Heartbeat {
    /// Makes a heartbeat that has just beaten. `owner` names its owner in the log.
    #[must_use]
    pub fn new(owner: &'static str) -> Self {
        Self(Arc::new(Heart {
            owner,
            born: Instant::now(),
            last_beat_ms: AtomicU64::new(0),
        }))
    }

    /// Notes that the owner is alive.
    pub fn beat(&self) {
        self.0.last_beat_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Returns the time since the last beat.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        let last = self.0.last_beat_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.now_ms().saturating_sub(last))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Returns how long systemd waits before it restarts the service; `None` if it does not watch this process.
#[must_use]
pub fn timeout() -> Option<Duration> {
    // The variables stay in the environment, as LISTEN_PID does.
    sd_notify::watchdog_enabled().filter(|timeout| !timeout.is_zero())
}

/// Feeds the watchdog four times in each `timeout`, unless a heartbeat was silent for half of it. Returns at once if there is no
/// watchdog, else never.
pub async fn feed(timeout: Option<Duration>, hearts: Vec<Heartbeat>) {
    let Some(timeout) = timeout else { return };
    let mut ticks = tokio::time::interval((timeout / 4).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut starved = false;
    loop {
        ticks.tick().await;
        let stuck = stuck(&hearts, timeout / 2);
        match (stuck, starved) {
            (Some((owner, silent)), false) => tracing::error!(
                part = owner,
                silent_s = silent.as_secs_f64(),
                "a part is stuck: the watchdog is no longer fed, and systemd will restart the service"
            ),
            (None, true) => tracing::warn!("every part is alive again: the watchdog is fed"),
            _ => {}
        }
        starved = stuck.is_some();
        if !starved {
            systemd::feed_watchdog();
        }
    }
}

fn stuck(hearts: &[Heartbeat], silent_max: Duration) -> Option<(&'static str, Duration)> {
    hearts
        .iter()
        .map(|heart| (heart.0.owner, heart.silent_for()))
        .find(|(_, silent)| *silent > silent_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_heart_is_enough() {
        let writer = Heartbeat::new("writer");
        let scheduler = Heartbeat(Arc::new(Heart {
            owner: "scheduler",
            born: Instant::now() - Duration::from_secs(60),
            last_beat_ms: AtomicU64::new(0),
        }));
        let hearts = [writer, scheduler.clone()];
        let found = stuck(&hearts, Duration::from_secs(30)).map(|(of, _)| of);
        assert_eq!(found, Some("scheduler"));
        scheduler.beat();
        assert_eq!(stuck(&hearts, Duration::from_secs(30)), None);
    }
}
