//! Rules for the source that the compiler can't check: which module imports which, SQL only in `src/store`, a description on top of
//! every file, and documents that agree with the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom. `wake`, `clock`, `metrics` and `http` are leaves that carry no business of their own.
const IMPORTS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("wake", &[]),
    ("metrics", &["domain"]),
    ("http", &["domain"]),
    ("config", &["domain", "clock"]),
    ("store", &["domain", "clock"]),
    ("reconcile", &["domain", "store", "clock", "wake"]),
    (
        "provider",
        &["domain", "store", "clock", "metrics", "http", "wake"],
    ),
    (
        "intake",
        &[
            "domain",
            "store",
            "clock",
            "metrics",
            "wake",
            "reconcile",
            "provider",
        ],
    ),
    (
        "poll",
        &[
            "domain",
            "store",
            "clock",
            "metrics",
            "wake",
            "reconcile",
            "provider",
        ],
    ),
    (
        "tell",
        &["domain", "store", "clock", "metrics", "wake", "http"],
    ),
    ("sim", &["domain", "clock", "http"]),
];

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
fn modules_import_only_what_lies_below_them() {
    let allowed: BTreeMap<_, _> = IMPORTS.iter().copied().collect();
    let mut broken = Vec::new();
    for (name, text) in every_source() {
        let module = name.split(['/', '.']).next().unwrap_or_default();
        let Some(below) = allowed.get(module) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for other in code(line).split("crate::").skip(1) {
                let other: String = other
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                if !other.is_empty() && other != module && !below.contains(&other.as_str()) {
                    broken.push(format!(
                        "src/{name}:{}: {module} imports {other}",
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
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
    let text = read("ARCHITECTURE.md");
    let mut told: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name)
        .collect();
    modules.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, modules);
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
