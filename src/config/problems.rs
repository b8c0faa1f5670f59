//! Collects everything that is wrong with a file, each with its line. It never shows a line of the file, which may have a secret.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1; 0 if it concerns the whole file.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The path of the key, like `poll.spacing` or `destination[0].url`; may be empty.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// All problems of a file. Displays as one `file:line:column: key: message` per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    /// The path, as it was given.
    pub file: String,
    /// In the order of the file; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.file)?;
            if problem.line > 0 {
                write!(f, ":{}:{}", problem.line, problem.column)?;
            }
            if !problem.key.is_empty() {
                write!(f, ": {}", problem.key)?;
            }
            write!(f, ": {}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// Collects the problems of a text.
pub(super) struct Collector<'t> {
    text: &'t str,
    found: RefCell<Vec<Problem>>,
}

impl<'t> Collector<'t> {
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            found: RefCell::default(),
        }
    }

    /// Adds a problem at a place in the text.
    pub fn add(&self, span: &Range<usize>, key: &str, message: impl Into<String>) {
        let (line, column) = place(self.text, span.start);
        self.found.borrow_mut().push(Problem {
            line,
            column,
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// Returns the line of a place, for warnings.
    pub fn line(&self, span: &Range<usize>) -> usize {
        place(self.text, span.start).0
    }

    /// Returns all problems in the order of the file.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut all = self.found.into_inner();
        all.sort_by_key(|p| (p.line, p.column));
        all.dedup();
        all
    }
}

/// Returns line and column, both from 1, of a byte offset.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |n| n + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..])
        .chars()
        .count()
        + 1;
    (line, column)
}

/// Returns the known word that is most similar to an unknown one, if it is similar enough.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let squeeze = |s: &str| -> String {
        s.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .take(64)
            .collect()
    };
    let wanted = squeeze(word);
    known
        .iter()
        .map(|k| (strsim::jaro_winkler(&wanted, &squeeze(k)), *k))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let text = "a = 1\nß = 2\n";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 6), (2, 1));
        assert_eq!(place(text, 9), (2, 3));
        assert_eq!(place(text, 999), (3, 1));
    }

    #[test]
    fn the_nearest_word() {
        let known = ["spacing", "spacing_jitter", "every"];
        assert_eq!(nearest("spaceing", &known), Some("spacing"));
        assert_eq!(nearest("spacingJitter", &known), Some("spacing_jitter"));
        assert_eq!(nearest("x", &[]), None);
    }
}
