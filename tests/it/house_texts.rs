//! Rules for the texts of the project: a comment refers to documents that exist, and says something.

use std::fs;
use std::path::{Path, PathBuf};

/// Released migrations never change, not even their comments.
const RELEASED: &str = "src/store/migrations";
/// Files of which the texts are data.
const DATA: [&str; 2] = ["tests/data", "tests/it/house_texts.rs"];

fn texts(dir: &Path, found: &mut Vec<PathBuf>) {
    const ENDINGS: [&str; 10] = [
        "rs", "md", "toml", "sql", "js", "mjs", "css", "sh", "py", "yml",
    ];
    for entry in fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if !["target", "node_modules", ".git"].contains(&name) {
                texts(&path, found);
            }
        } else if path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| ENDINGS.contains(&e))
        {
            found.push(path);
        }
    }
}

/// What a line says that only a reader of another document would understand, or that says nothing.
fn phantom(line: &str) -> Option<&'static str> {
    let lower = line.to_lowercase();
    let words = |text: &str| -> Vec<String> {
        let split = text.split(|c: char| !c.is_alphanumeric());
        split.filter(|w| !w.is_empty()).map(str::to_owned).collect()
    };
    let words = words(&lower);
    let numbered = words.windows(2).any(|pair| {
        matches!(pair[0].as_str(), "section" | "sections")
            && pair[1].starts_with(|c: char| c.is_ascii_digit())
    });
    if words.iter().any(|word| word == "contract") {
        Some("a contract")
    } else if numbered {
        Some("a numbered section")
    } else if line.contains('§') {
        Some("a paragraph sign")
    } else if line.trim_start().starts_with("///") && line.contains("The store's.") {
        Some("a comment that says nothing")
    } else {
        None
    }
}

/// The rules stand in `docs/rules`. Code and tests say the rule, or name the page.
#[test]
fn no_text_refers_to_a_document_that_does_not_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    texts(root, &mut files);
    assert!(files.len() > 300, "only {} files were found", files.len());
    let mut broken = Vec::new();
    for file in files {
        let name = file
            .strip_prefix(root)
            .expect("below the root")
            .display()
            .to_string();
        if name.starts_with(RELEASED) || DATA.iter().any(|data| name.starts_with(data)) {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(what) = phantom(line) {
                broken.push(format!("{name}:{}: {what}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn phantoms_are_recognised() {
    assert!(phantom("/// As the contract says.").is_some());
    assert!(phantom("//! How (see Section 4.2)").is_some());
    assert!(phantom("    /// The store's.").is_some());
    assert!(phantom("/// A muscle's contraction, in a section of its own.").is_none());
}
