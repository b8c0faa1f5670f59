//! Gives free memory back to the system.
//!
//! glibc's allocator keeps freed memory that lies between pieces in use. After a flood of requests this is most of the memory that
//! the flood took, and it counts against the memory limit of the service until the process ends.

use std::time::Duration;

/// The pause after memory was given back.
const PAUSE_MIN: Duration = Duration::from_secs(5);
/// The longest pause while there is nothing to give back.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// Below this resident size, nothing is done.
const RESIDENT_MIN: u64 = 48 << 20;
/// Less freed memory than this lengthens the pause.
const FREED_MIN: u64 = 4 << 20;

/// Gives memory back from time to time. Never returns.
pub(super) async fn run() {
    let mut pause = PAUSE_MIN;
    loop {
        tokio::time::sleep(pause).await;
        let freed = tokio::task::spawn_blocking(give_back).await;
        pause = if freed.is_ok_and(|bytes| bytes >= FREED_MIN) {
            PAUSE_MIN
        } else {
            (pause * 2).min(PAUSE_MAX)
        };
    }
}

/// Gives memory back and returns the number of bytes.
fn give_back() -> u64 {
    let Some(before) = resident().filter(|bytes| *bytes >= RESIDENT_MIN) else {
        return 0;
    };
    let started = std::time::Instant::now();
    trim();
    let freed = before.saturating_sub(resident().unwrap_or(before));
    tracing::debug!(
        freed_bytes = freed,
        took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "gave memory back to the system"
    );
    freed
}

/// Returns the resident size of this process in bytes.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "glibc has no other way to ask for it")]
fn trim() {
    // SAFETY: malloc_trim takes no pointer, and it takes the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_freed_between_other_pieces_is_given_back() {
        let held = resident().expect("/proc is there");
        let mut pieces: Vec<Vec<u8>> = (0..4_000).map(|_| vec![1; 32 * 1024]).collect();
        // Every tenth stays.
        let mut n = 0;
        pieces.retain(|_| {
            n += 1;
            n % 10 == 0
        });
        give_back();
        let after = resident().expect("/proc is there");
        assert!(after < held + (64 << 20), "{held} before, {after} after");
    }
}
