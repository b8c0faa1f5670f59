//! Limits the rate of log lines that anybody can cause, so that a flood neither fills the disk nor hides other lines.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most lines within [`WINDOW`].
const LINES_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// The limit for lines of one kind.
#[derive(Debug, Default)]
pub struct LogLimit(Mutex<Option<Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    left_out: u64,
}

impl LogLimit {
    /// Starts without any line counted.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Counts a line. Returns the number of lines left out since the last one, or `None` if this line is left out too.
    pub fn line(&self) -> Option<u64> {
        self.line_at(Instant::now())
    }

    fn line_at(&self, now: Instant) -> Option<u64> {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = current.get_or_insert(Window {
            began: now,
            lines: 0,
            left_out: 0,
        });
        if now.duration_since(window.began) >= WINDOW {
            window.began = now;
            window.lines = 0;
        }
        if window.lines == LINES_MAX {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_a_few_lines_and_a_number() {
        let limit = LogLimit::new();
        let start = Instant::now();
        let written = (0..1000).filter(|_| limit.line_at(start).is_some());
        assert_eq!(written.count(), 20);
        assert_eq!(limit.line_at(start + WINDOW), Some(980));
        assert_eq!(limit.line_at(start + WINDOW), Some(0));
    }
}
