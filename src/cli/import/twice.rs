//! Two people under one id in one file: the second would silently overwrite the first.

use std::collections::HashMap;
use std::collections::hash_map;

use serde_json::{Map, Value};

use super::Entry;
use super::columns::{RowError, person, squeezed};
use crate::domain::identity::Identity;

/// What the rows before say of an id.
struct Known {
    line: usize,
    person: Identity,
    name: String,
}

/// Turns every row into an error whose id an earlier row has for somebody else.
pub fn refuse(entries: &mut [Entry]) {
    let mut all: HashMap<String, Known> = HashMap::new();
    for entry in entries {
        let Ok(row) = &entry.row else {
            continue;
        };
        let Some(id) = row.get("id").and_then(Value::as_str) else {
            continue;
        };
        let new = Known {
            line: entry.line,
            person: person(row),
            name: name(row),
        };
        match all.entry(id.to_owned()) {
            hash_map::Entry::Vacant(place) => {
                place.insert(new);
            }
            hash_map::Entry::Occupied(mut place) => {
                let known = place.get_mut();
                if known.is_someone_else(&new) {
                    let (first, second) = (known.line, new.line);
                    let detail = format!(
                        "lines {first} and {second} have this id, but are about two people: give each person an id of its own"
                    );
                    entry.row = Err(RowError::new(Some("id"), detail));
                } else {
                    known.person.fill_from(&new.person);
                }
            }
        }
    }
}

impl Known {
    /// Whether another row is about somebody else. If the two have no kind of identity in common, their names decide.
    fn is_someone_else(&self, other: &Self) -> bool {
        if self.person.same_person(&other.person) {
            return false;
        }
        let named = !self.name.is_empty() && !other.name.is_empty();
        self.person.is_someone_else(&other.person) || (named && self.name != other.name)
    }
}

/// The name as it is compared.
fn name(row: &Map<String, Value>) -> String {
    squeezed(row.get("name").and_then(Value::as_str).unwrap_or_default())
}
