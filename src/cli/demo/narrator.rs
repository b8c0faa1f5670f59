//! The progress display: a bar on a terminal, plain lines elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output;

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(100);

/// Says what happens. On standard error: standard output holds the table alone.
pub(super) struct Narrator {
    bar: ProgressBar,
}

impl Narrator {
    /// For so many steps.
    pub fn new(steps: usize) -> Self {
        // Hides itself where standard error is not a terminal.
        let bar = ProgressBar::new(steps as u64);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {pos}/{len} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TURN);
        Self { bar }
    }

    /// A line that stays.
    pub fn say(&self, text: &str) {
        if self.bar.is_hidden() {
            output::error_line(text);
        } else {
            self.bar.println(text);
        }
    }

    /// A step begins.
    pub fn begin(&self, text: &str) {
        if self.bar.is_hidden() {
            output::error_line(text);
        } else {
            self.bar.set_message(text.to_owned());
        }
    }

    /// The step is done.
    pub fn done(&self, text: &str) {
        self.say(text);
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
