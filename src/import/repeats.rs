//! Which enrollments a file has several rows for, found in bounded memory; and two people under one id, of which the second would
//! silently overwrite the first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::columns::{Field, plain};
use super::row::{Remark, Row};
use super::spool::Spool;
use crate::domain::identity::Identity;

/// How many keys are sorted at once.
const PART_KEYS: u64 = 250_000;

/// Collects the keys of all rows on disk.
#[derive(Debug)]
pub struct Keys {
    spool: Spool,
    buffer: Vec<u8>,
    count: u64,
}

/// The key of a row: its id and its account.
fn key(row: &Row) -> u64 {
    let name = format!("{}\n{}", row.text("accountId"), row.text("id"));
    let hash = Sha256::digest(name.as_bytes());
    hash.iter()
        .take(8)
        .fold(0, |key, byte| (key << 8) | u64::from(*byte))
}

impl Keys {
    /// No key yet. They will be kept beside the database.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn beside(database: &Path) -> io::Result<Self> {
        Ok(Self {
            spool: Spool::beside(database)?,
            buffer: Vec::new(),
            count: 0,
        })
    }

    /// Adds the key of a row.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn add(&mut self, row: &Row) -> io::Result<()> {
        self.buffer.extend_from_slice(&key(row).to_be_bytes());
        self.count += 1;
        if self.buffer.len() >= 64 * 1024 {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spool.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Finds the keys that occur more than once.
    ///
    /// # Errors
    /// Returns the error of the file system.
    pub fn repeated(mut self) -> io::Result<Repeats> {
        self.flush()?;
        let parts = self.count / PART_KEYS + 1;
        let mut repeats = Repeats::default();
        for part in 0..parts {
            let mut keys = Vec::new();
            let mut reader = io::BufReader::new(self.spool.read());
            let mut bytes = [0; 8];
            for _ in 0..self.count {
                io::Read::read_exact(&mut reader, &mut bytes)?;
                let key = u64::from_be_bytes(bytes);
                if key % parts == part {
                    keys.push(key);
                }
            }
            keys.sort_unstable();
            for pair in keys.windows(2) {
                if pair[0] == pair[1] {
                    repeats.seen.entry(pair[0]).or_default();
                }
            }
        }
        Ok(repeats)
    }
}

/// The enrollments that several rows of a file are about.
#[derive(Debug, Default)]
pub struct Repeats {
    seen: HashMap<u64, Option<First>>,
}

/// What the rows so far say.
#[derive(Debug)]
struct First {
    line: usize,
    person: Identity,
    name: String,
    /// The last row, to find out whether another one says the same.
    hash: [u8; 32],
}

/// What an earlier row of the file means for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// There is none for the same enrollment.
    First,
    /// There is one that says the same.
    Same,
    /// There is one that says something else.
    Different,
}

impl Repeats {
    /// Compares a row with the earlier rows of the same enrollment.
    ///
    /// # Errors
    /// Returns what is wrong if they are about two people.
    pub fn check(&mut self, line: usize, row: &Row) -> Result<Repeat, Remark> {
        let Entry::Occupied(mut entry) = self.seen.entry(key(row)) else {
            return Ok(Repeat::First);
        };
        let new = First {
            line,
            person: row.person(),
            name: plain(row.text("name")),
            hash: hash(row),
        };
        let Some(first) = entry.get_mut() else {
            entry.insert(Some(new));
            return Ok(Repeat::First);
        };
        if first.is_someone_else(&new) {
            let detail = format!(
                "Lines {} and {line} have this id, but are about two people. Give each person an id of its own.",
                first.line
            );
            return Err(Remark::field(Field::Id, detail));
        }
        first.person.fill_from(&new.person);
        let same = first.hash == new.hash;
        first.hash = new.hash;
        Ok(if same {
            Repeat::Same
        } else {
            Repeat::Different
        })
    }
}

fn hash(row: &Row) -> [u8; 32] {
    let text = serde_json::to_vec(&row.fields).unwrap_or_default();
    Sha256::digest(&text).into()
}

impl First {
    /// Whether another row is about somebody else. If the two have no kind of identity in common, their names decide.
    fn is_someone_else(&self, other: &Self) -> bool {
        if self.person.same_person(&other.person) {
            return false;
        }
        let named = !self.name.is_empty() && !other.name.is_empty();
        self.person.is_someone_else(&other.person) || (named && self.name != other.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(id: &str, name: &str, url: &str) -> Row {
        let fields = json!({"id": id, "accountId": "a", "name": name, "linkedinUrl": url});
        Row {
            fields: fields.as_object().cloned().unwrap_or_default(),
            derived_id: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_second_of_two_people_under_one_id_fails() {
        let rows = [
            row("1", "Ada", "https://www.linkedin.com/in/ada"),
            row("2", "Eve", ""),
            row("1", "Ada L.", "http://linkedin.com/in/Ada/?x=1"),
            row("1", "Bob", "https://www.linkedin.com/in/bob"),
            row("3", "Ada", ""),
            row("3", "ADA", ""),
            row("3", "Bob", ""),
            row("3", "", "https://www.linkedin.com/in/ada"),
            row("4", "Cy", "cy"),
            row("4", "Cy", "cy"),
        ];
        let dir = tempfile::tempdir().expect("a directory");
        let mut keys = Keys::beside(&dir.path().join("db")).expect("a file");
        for row in &rows {
            keys.add(row).expect("written");
        }
        let mut repeats = keys.repeated().expect("read");
        let found: Vec<_> = rows
            .iter()
            .enumerate()
            .map(|(n, row)| repeats.check(n + 2, row))
            .collect();
        let failed: Vec<usize> = (0..rows.len()).filter(|n| found[*n].is_err()).collect();
        assert_eq!(failed, [3, 6]);
        let why = found[3].clone().expect_err("another person");
        assert!(why.detail.starts_with("Lines 2 and 5 "), "{why:?}");
        assert_eq!(found[1], Ok(Repeat::First));
        assert_eq!(found[2], Ok(Repeat::Different));
        assert_eq!(found[9], Ok(Repeat::Same));
    }
}
