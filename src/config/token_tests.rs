//! Tokens, trusted proxies, and files with secrets that others can read.

use super::tests::refused;
use super::*;

#[test]
fn tokens_have_a_length_a_name_and_a_role() {
    let token = |rest: &str| format!("[[token]]\n{rest}");
    refused(
        "[server]\nadmin_token='fifteen-letters'\nmetrics_token='short'",
        &[
            "2 server.admin_token: is shorter than 16 characters",
            "3 server.metrics_token: is shorter than 16 characters",
        ],
    );
    refused(
        &token("name='n8n'\ntoken='fifteen-letters'\nrole='enroll'"),
        &["3 token[0].token: is shorter than 16 characters"],
    );
    refused(
        &token("name='n8n'\ntoken=''\nrole='enrol'"),
        &[
            "3 token[0].token: is empty",
            "4 token[0].role: \"enrol\" is not one of read, enroll, operate, admin; did you mean \"enroll\"?",
        ],
    );
    refused(
        &token(""),
        &[
            "token[0].name: is missing",
            "token[0].token: is missing",
            "token[0].role: is missing",
        ],
    );
    for reserved in ["admin", "open", "signal", "session:admin"] {
        let text = token(&format!(
            "name='{reserved}'\ntoken='sixteen letters.'\nrole='read'"
        ));
        refused(&text, &["2 token[0].name: "]);
    }
    let one = token("name='a'\ntoken='sixteen letters.'\nrole='read'\n");
    refused(
        &format!(
            "{one}{}",
            token("name='a'\ntoken='sixteen letters!'\nrole='read'")
        ),
        &["6 token[1].name: \"a\" is taken by the entry at line 2"],
    );
    refused(
        &format!(
            "{one}{}",
            token("name='b'\ntoken='sixteen letters.'\nrole='admin'")
        ),
        &["7 token[1].token: is the token of \"a\" too"],
    );
    refused(
        "[server]\nadmin_token='sixteen letters.'\n[[token]]\nname='b'\ntoken='sixteen letters.'\nrole='read'",
        &["5 token[0].token: is the token of \"admin\" too"],
    );
    // Characters, not bytes.
    assert!(parse("[server]\nadmin_token='zwölf Boxkämpfer'").is_ok());
    let (config, _) = parse(&format!("{one}[server]\npublic_url='https://x.example'")).unwrap();
    assert!(!config.is_open());
    assert_eq!(config.strongest().map(|b| b.name), Some("a"));
}

#[test]
fn only_networks_are_trusted() {
    refused(
        "[server]\ntrusted_proxies=['10.0.0.0/8', 'proxy', '10.0.0.0/40']",
        &[
            "2 server.trusted_proxies: is not an address or a network",
            "2 server.trusted_proxies: is not an address or a network",
        ],
    );
}

#[test]
fn a_file_with_a_secret_that_everybody_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (secret, file) = (dir.path().join("token"), dir.path().join("acceptd.toml"));
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let warnings = |text: &str| {
        std::fs::write(&file, text).unwrap();
        mode(&file, 0o644);
        load(&file).unwrap().warnings
    };
    std::fs::write(&secret, "a-token-of-this-test").unwrap();
    let kept = format!("[server]\nadmin_token = {{ file = {secret:?} }}\n");
    let literal = "[server]\nadmin_token = 'a-token-of-this-test'\n";
    let named = |warnings: &[String]| {
        warnings
            .iter()
            .filter(|w| w.contains("every user can read"))
            .count()
    };
    mode(dir.path(), 0o755);
    for (bits, expected) in [(0o644, 1), (0o604, 1), (0o640, 0), (0o600, 0)] {
        mode(&secret, bits);
        assert_eq!(named(&warnings(&kept)), expected, "{bits:o}");
    }
    let said = warnings(literal);
    assert!(
        said.iter().any(|w| w.contains("line 2: holds a secret")),
        "{said:?}"
    );
    assert_eq!(named(&warnings("workspace_id = 'x'")), 0);
    let slack = "[[destination]]\nname='s'\nkind='slack'\nurl='https://hooks.example/secret'";
    assert_eq!(named(&warnings(slack)), 1);
    // Nobody gets to a file through a directory that is closed to them.
    mode(dir.path(), 0o700);
    mode(&secret, 0o644);
    assert_eq!(named(&warnings(&kept)) + named(&warnings(literal)), 0);
}
