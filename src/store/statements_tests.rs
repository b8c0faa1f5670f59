//! For the test of query plans: finds every statement in the source of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as File;

/// A string literal with a statement, split at its `{…}` placeholders.
pub(super) struct Literal {
    pub(super) place: String,
    pub(super) pieces: Vec<String>,
}

/// Replaces every run of white space with one space.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the string literals of a Rust source, each with the text before it, without comments.
fn strings(source: &str) -> Vec<(String, String)> {
    let chars: Vec<char> = source.chars().collect();
    let (mut found, mut at, mut before) = (Vec::new(), 0, String::new());
    while at < chars.len() {
        let rest: String = chars[at..chars.len().min(at + 4)].iter().collect();
        if rest.starts_with("//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if rest.starts_with("'\"'") {
            at += 3;
        } else if rest.starts_with("'\\") {
            at += 4;
        } else if chars[at] == '"' {
            let mut text = String::new();
            at += 1;
            while chars[at] != '"' {
                if chars[at] == '\\' {
                    at += 1;
                    match chars[at] {
                        'n' => text.push('\n'),
                        '\n' => {
                            while chars[at + 1].is_whitespace() {
                                at += 1;
                            }
                        }
                        other => text.push(other),
                    }
                } else {
                    text.push(chars[at]);
                }
                at += 1;
            }
            at += 1;
            found.push((std::mem::take(&mut before), text));
        } else {
            before.push(chars[at]);
            at += 1;
        }
    }
    found
}

/// Returns every statement in the source of the store, with constants inserted.
pub(super) fn literals() -> Vec<Literal> {
    const VERBS: &[&str] = &[
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "REPLACE ",
    ];
    let folder = File::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut constants = BTreeMap::new();
    let mut texts = Vec::new();
    for (name, program) in programs(&folder) {
        for (before, text) in strings(&program) {
            let text = plain(&text);
            let declared = before
                .rsplit_once("const ")
                .filter(|(_, rest)| rest.trim_end().ends_with("&str ="))
                .and_then(|(_, rest)| rest.split(':').next().map(str::to_owned));
            match declared {
                Some(constant) => {
                    constants.insert((name.clone(), constant), text);
                }
                None => texts.push((name.clone(), text)),
            }
        }
    }
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for (name, text) in texts {
        let mut whole = text;
        // A constant may contain another one.
        for ((file, constant), value) in constants.iter().chain(&constants) {
            let mark = format!("{{{constant}}}");
            if whole.contains(&mark)
                && (*file == name || constants.keys().filter(|k| k.1 == *constant).count() == 1)
            {
                whole = whole.replace(&mark, value);
                used.insert((file.clone(), constant.clone()));
            }
        }
        if VERBS.iter().any(|verb| whole.starts_with(verb)) {
            found.push(Literal {
                place: name,
                pieces: pieces(&whole),
            });
        }
    }
    for ((file, constant), text) in &constants {
        let key = (file.clone(), constant.clone());
        if !used.contains(&key) && VERBS.iter().any(|verb| text.starts_with(verb)) {
            found.push(Literal {
                place: file.clone(),
                pieces: pieces(text),
            });
        }
    }
    found
}

fn programs(folder: &File) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the store") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            found.extend(programs(&path));
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("text");
            let program = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap_or_default();
            found.push((name, program.to_owned()));
        }
    }
    found
}

fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '{' => {
                depth += 1;
                pieces.push(String::new());
            }
            '}' => depth -= 1,
            _ if depth == 0 => pieces.last_mut().expect("one").push(c),
            _ => {}
        }
    }
    pieces
}

/// Whether a statement that was run was composed from the pieces of a literal.
pub(super) fn made_of(statement: &str, literal: &Literal) -> bool {
    let mut rest = statement;
    literal.pieces.iter().all(|piece| {
        let piece = piece.trim();
        rest.find(piece).is_some_and(|at| {
            rest = &rest[at + piece.len()..];
            true
        })
    })
}
