//! Prints results as they come, and computes percentiles.

use std::time::Duration;

/// Prints one line per result.
#[derive(Default)]
pub struct Report {
    chapter: &'static str,
}

impl Report {
    /// Begins a chapter.
    pub fn chapter(&mut self, title: &'static str) {
        if self.chapter != title {
            println!("\n{title}");
            self.chapter = title;
        }
    }

    /// Prints a value with a note.
    pub fn line(&self, what: &str, value: &str, note: &str) {
        println!("  {what:<58} {value:>16}  {note}");
    }

    /// Prints a rate per second.
    pub fn rate(&self, what: &str, per_second: f64, note: &str) {
        self.line(what, &format!("{per_second:.0}/s"), note);
    }

    /// Prints three percentiles of latencies.
    pub fn latencies(&self, what: &str, all: &Latencies) {
        let [p50, p99, p999, max] =
            [0.5, 0.99, 0.999, 1.0].map(|part| millis(all.percentile(part)));
        let value = format!("{p50:.2} / {p99:.2} ms");
        let note = format!(
            "p50 / p99; p99.9 {p999:.2}, max {max:.2}, n {}",
            all.0.len()
        );
        self.line(what, &value, &note);
    }
}

/// Milliseconds of a duration.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Sorted latencies.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sorts them.
    pub fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// The latency that `part` of all do not exceed.
    pub fn percentile(&self, part: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        let index = (last as f64 * part).round() as usize;
        self.0.get(index).copied().unwrap_or_default()
    }
}
