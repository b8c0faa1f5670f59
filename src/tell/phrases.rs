//! Phrases for people: spans of time, sources and paths of signals, and text on one line.

use crate::domain::signal::{Path, Source};

/// Formats a span of seconds in its two largest units: `45 s`, `12 min`, `3 h 5 min`, `2 days 4 h`.
#[must_use]
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |major: String, minor: i64, unit: &str| {
        if minor == 0 {
            major
        } else {
            format!("{major} {minor} {unit}")
        }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => two(format!("{hours} h"), minutes % 60, "min"),
        86_400..172_800 => two("1 day".to_owned(), hours % 24, "h"),
        _ => two(format!("{days} days"), hours % 24, "h"),
    }
}

/// Describes the source of a signal.
#[must_use]
pub fn source(source: Source) -> &'static str {
    match source {
        Source::Webhook => "a webhook about a new connection",
        Source::Poll => "a look at the list of connections",
        Source::AlreadyConnected => "an invite that was refused because they are already connected",
        Source::Reply => "a reply",
        Source::NoteEcho => "the invitation's note opening a chat",
        Source::Sendpilot => "SendPilot",
        Source::Resync => "a look at the profile",
        Source::Manual => "hand",
    }
}

/// Describes how a signal was matched to its enrollment.
#[must_use]
pub fn path(path: Path) -> &'static str {
    match path {
        Path::Bridge => "the recorded invite",
        Path::Direct => "the LinkedIn id",
        Path::SalesNav => "the Sales Navigator or Recruiter id",
        Path::Profile => "the profile URL",
    }
}

/// Returns the text on one line. Line breaks and invisible characters become one space, or nothing at the ends.
#[must_use]
pub fn one_line(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if breaks_or_hides(c) { ' ' } else { c })
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a character is a control character, a line or paragraph separator, or changes the writing direction.
fn breaks_or_hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (seconds, text) in [
            (-4, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (11_100, "3 h 5 min"),
            (86_400, "1 day"),
            (90_000, "1 day 1 h"),
            (187_200, "2 days 4 h"),
            (i64::MAX, "106751991167300 days 15 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line(" a\r\n\tb\u{0}c\u{2028}d\u{202e} "), "a b c d");
    }
}
