//! Rules for the source that the compiler can't check: which module imports which, SQL only in `src/store`, a description on top of
//! every file, and documents that agree with the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of the table in ARCHITECTURE.md, each with what it may import.
fn modules() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("text");
    let table = text
        .split_once("## Modules")
        .and_then(|(_, rest)| rest.split_once("Other folders"))
        .expect("a section about the modules")
        .0;
    table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, cells)| {
            let imports = cells.trim_end_matches(" |").rsplit(" | ").next();
            let imports = imports.unwrap_or_default().split(", ");
            let named = imports.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'));
            (name.to_owned(), named.map(str::to_owned).collect())
        })
        .collect()
}

/// The modules that a text names after `crate::`, alone or in a group such as `use crate::{clock::Clock, store::{self, Tx}};`.
fn imported(text: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let is_word = |c: &char| c.is_ascii_lowercase() || *c == '_';
        text.trim_start().chars().take_while(is_word).collect()
    };
    let mut found = Vec::new();
    for path in text.split("crate::").skip(1) {
        let Some(group) = path.strip_prefix('{') else {
            found.push(word(path));
            continue;
        };
        let mut depth = 0_u32;
        let mut at_start = true;
        for (place, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                c if at_start && !c.is_whitespace() => {
                    found.push(word(&group[place..]));
                    at_start = false;
                }
                _ => {}
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn grouped_imports_are_seen() {
    let text = "use crate::{\n    clock::Clock,\n    store::{self, Tx}, web,\n};\nfn f() { crate::poll::run() }";
    assert_eq!(imported(text), ["clock", "store", "web", "poll"]);
    assert_eq!(imported("use crate::Thing; // crate"), Vec::<String>::new());
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every file of the program, by its name below `src`, without its tests.
fn every_source() -> Vec<(String, String)> {
    let root = source();
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    // A file of nothing but unit tests may import what it likes.
    files.retain(|file| !file.ends_with("client_tests.rs"));
    files
        .iter()
        .map(|file| {
            let name = file.strip_prefix(&root).expect("below src");
            let text = fs::read_to_string(file).expect("text");
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            (name.display().to_string(), program.to_owned())
        })
        .filter(|(name, _)| !name.ends_with("tests.rs") && !name.contains("/tests/"))
        .collect()
}

/// The code of a line, without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

#[test]
fn modules_import_what_the_architecture_says() {
    let modules = modules();
    let allowed: BTreeMap<_, _> = modules.iter().cloned().collect();
    let mut broken = Vec::new();
    for (name, text) in every_source() {
        let module = name.split(['/', '.']).next().unwrap_or_default();
        let Some(below) = allowed.get(module) else {
            assert!(["lib", "main"].contains(&module), "{module} is not listed");
            continue;
        };
        let program: Vec<_> = text.lines().map(code).collect();
        for other in imported(&program.join("\n")) {
            if other != module && !below.contains(&other) {
                broken.push(format!("src/{name}: {module} imports {other}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A module imports only modules that stand above it in the table, so there are no circles.
#[test]
fn the_modules_have_no_circle() {
    let mut above = Vec::new();
    for (module, imports) in modules() {
        for other in &imports {
            assert!(above.contains(other), "{module} imports {other}");
        }
        above.push(module);
    }
}

#[test]
fn sql_lives_in_the_store() {
    const SQL: &[&str] = &[
        "rusqlite",
        "SELECT ",
        "INSERT INTO ",
        "DELETE FROM ",
        "CREATE TABLE ",
    ];
    let mut broken = Vec::new();
    for (name, text) in every_source() {
        if name.starts_with("store") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if SQL.iter().any(|sql| code(line).contains(sql)) {
                broken.push(format!("src/{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Handlers use `ApiStore`, which has readers of its own. They must not reach the readers of the daemon's own work through `Store`.
#[test]
fn no_handler_reads_where_the_daemon_works() {
    let mut broken = Vec::new();
    for (name, text) in every_source() {
        let reaches = text.contains(".store()") || text.contains("store::Store");
        if name.starts_with("web/") && reaches {
            broken.push(name);
        }
    }
    assert!(
        broken.is_empty(),
        "{broken:?} use Store instead of ApiStore"
    );
}

/// Only one routine stamps: the function that writes an accept has one caller, and its columns have one writer.
#[test]
fn the_stamp_has_one_caller() {
    const COLUMNS: &[&str] = &["accepted_at = ", "replied_at = ", "accept_key = "];
    let mut callers = Vec::new();
    let mut writers = Vec::new();
    for (name, text) in every_source() {
        for (number, line) in text.lines().enumerate() {
            let code = code(line);
            let place = format!("src/{name}:{}", number + 1);
            if code.contains("write_stamp") && !code.contains("fn write_stamp(") {
                callers.push(place);
            } else if COLUMNS.iter().any(|c| code.contains(&format!("{c}:")))
                || COLUMNS.iter().any(|c| code.contains(&format!("{c}?")))
            {
                writers.push(place);
            }
        }
    }
    assert_eq!(callers.len(), 1, "{callers:?}");
    assert!(callers[0].starts_with("src/reconcile/stamp.rs"));
    let elsewhere = |place: &&String| !place.starts_with("src/store/enrollments.rs");
    assert_eq!(writers.iter().find(elsewhere), None);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for dir in ["src", "tests", "benches", "examples"] {
        if root.join(dir).is_dir() {
            rust_files(&root.join(dir), &mut files);
        }
    }
    let silent: Vec<_> = files
        .iter()
        .filter(|file| !fs::read_to_string(file).expect("text").starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "no `//!` on top of {silent:?}");
}

#[test]
fn an_unwrap_gives_its_reason() {
    let mut broken = Vec::new();
    for (name, text) in every_source() {
        for (number, line) in text.lines().enumerate() {
            let code = code(line);
            if [".unwrap()", "todo!(", "unimplemented!(", "dbg!("]
                .iter()
                .any(|word| code.contains(word))
            {
                broken.push(format!("src/{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Only the modules that send or compare a secret may reveal it, and never in a log line.
#[test]
fn secrets_are_revealed_only_where_they_are_used() {
    const MAY: &[&str] = &[
        "config", "tell", "provider", "intake", "web", "cli", "daemon", "http",
    ];
    for (name, text) in every_source() {
        for (number, line) in text.lines().enumerate() {
            let revealed = code(line).contains("expose_secret");
            let module = name.split(['/', '.']).next().unwrap_or_default();
            assert!(
                !revealed || MAY.contains(&module),
                "src/{name}:{}: {module} must not reveal a secret",
                number + 1
            );
            let logged = ["info!(", "warn!(", "error!(", "debug!(", "trace!("]
                .iter()
                .any(|log| code(line).contains(log));
            assert!(
                !(revealed && logged),
                "src/{name}:{}: a secret in a log line",
                number + 1
            );
        }
    }
}

/// The table of modules in ARCHITECTURE.md has every module of `src/lib.rs`, and no other.
#[test]
fn the_architecture_names_every_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).expect("text");
    let lib = read("src/lib.rs");
    let mut modules: Vec<_> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let listed = self::modules();
    let mut listed: Vec<_> = listed.iter().map(|(name, _)| name.as_str()).collect();
    modules.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, modules);
}

/// Every relative link of a document leads to a file that exists, and to a heading of it if it names one.
#[test]
fn the_links_of_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("text");
        let here = document.parent().expect("a directory");
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => document.clone(),
                path => here.join(path),
            };
            let found = target.exists() && (heading.is_empty() || has_heading(&target, heading));
            if !found {
                broken.push(format!("{} links to {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Every Markdown document of the project.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for dir in [".", "docs", "docs/rules", "systemd", "config/recipes"] {
        for entry in fs::read_dir(root.join(dir)).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Whether a document has a heading with this anchor: lower-case, with hyphens for spaces and no other punctuation.
fn has_heading(document: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(document).expect("text");
    text.lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| {
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
                .map(|c| if c == ' ' { '-' } else { c })
                .collect::<String>()
        })
        .any(|found| found == anchor)
}
