//! The file and the structs together: defaults, errors, redaction.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::event::EventType;
use crate::domain::ids::AccountId;

/// Every problem as `line key: message`.
fn problems(text: &str) -> Vec<String> {
    parse(text)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|p| format!("{} {}: {}", p.line, p.key, p.message))
        .collect()
}

pub(super) fn refused(text: &str, expected: &[&str]) {
    let found = problems(text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\nlacks {expected}");
    }
}

fn uncommented() -> String {
    let mut examples = false;
    DEFAULTS
        .lines()
        .map(|line| {
            examples |= line.starts_with("# [[");
            match line.strip_prefix("# ") {
                Some(code) if examples && (code.starts_with('[') || code.contains(" = ")) => code,
                _ => line,
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_documented_file_and_the_structs_name_the_same_keys() {
    // As a user's file: a key that the structs don't know would be refused.
    let (documented, _) = parse(DEFAULTS).unwrap();
    // As the layer below: a key that it lacks would leave the configuration without a value.
    assert_eq!(documented, Config::default());
}

#[test]
fn the_examples_of_the_documented_file_are_valid_and_complete() {
    let text = uncommented().replace("token = \"…\"", "token = \"a-token-of-this-test\"");
    let (config, _) = parse(&text).unwrap();
    assert_eq!(config.tokens.len(), 1);
    assert_eq!(config.accounts.len(), 1);
    assert!(config.accounts[0].timezone.is_some());
    assert_eq!(config.destinations.len(), 2);
    let slack = &config.destinations[0];
    assert_eq!((slack.kind, slack.backfill), (Kind::Slack, Wants::Exclude));
    assert_eq!(config.destinations[1].headers.len(), 1);
}

#[test]
fn the_defaults() {
    let c = Config::default();
    assert_eq!(c.workspace_id, "ws_default");
    assert_eq!(c.server.listen.to_string(), "127.0.0.1:8085");
    assert_eq!(c.server.max_body, 262_144);
    assert_eq!(c.poll.every, Duration::from_secs(1800));
    assert_eq!(c.poll.spacing, Duration::from_secs(60));
    assert_eq!(c.poll.horizon, Duration::from_secs(180 * 86_400));
    assert_eq!(c.events.announce_within, Duration::from_secs(7 * 86_400));
    assert_eq!(c.unipile.webhook_header, "unipile-auth");
}

#[test]
fn the_defaults_of_each_kind() {
    let of = |kind: &str| {
        let text = format!("[[destination]]\nname='d'\nkind='{kind}'\nurl='https://x.example/y'");
        parse(&text).unwrap().0.destinations.remove(0)
    };
    let slack = of("slack");
    assert_eq!((slack.rate, slack.concurrency), (Rate::per_second(1), 1));
    assert_eq!(
        (slack.in_doubt, slack.backfill),
        (InDoubt::Hold, Wants::Exclude)
    );
    let webhook = of("webhook");
    assert_eq!(
        (webhook.rate, webhook.concurrency),
        (Rate::per_second(50), 4)
    );
    assert_eq!(
        (webhook.in_doubt, webhook.backfill),
        (InDoubt::Resend, Wants::Include)
    );
    assert_eq!(webhook.events.len(), EventType::ALL.len());
    assert_eq!(of("sendpilot").events, [EventType::InviteAccepted]);
}

#[test]
fn everything_wrong_is_said_at_once_with_its_line() {
    refused(
        "workspace = 'x'\n[server]\nlisten = 'nowhere'\nmax_bodi = 5\n[poll]\nspaceing = '60s'\nevery = 30\n\
         timezone = 'Mars/Base'\nactive_hours = '8-19'\n[[account]]\n[[destination]]\nname='a/b'\nkind='slak'\n",
        &[
            "1 workspace: unknown key; did you mean `workspace_id`?",
            "3 server.listen: is not an address",
            "4 server.max_bodi: unknown key; did you mean `max_body`?",
            "6 poll.spaceing: unknown key; did you mean `spacing`?",
            "7 poll.every: a duration needs a unit",
            "8 poll.timezone: is not a known time zone",
            "9 poll.active_hours: are not hours",
            "10 account[0].id: is missing",
            "11 destination[0].url: is missing",
            "12 destination[0].name: must not be",
            "13 destination[0].kind: \"slak\" is not one of slack, webhook, sendpilot; did you mean \"slack\"?",
        ],
    );
}

#[test]
fn syntax_errors_have_their_line() {
    let found = problems("[server]\nlisten = \n\n[poll\n");
    assert!(found[0].starts_with("2 "), "{found:?}");
    assert!(found.iter().all(|p| p.contains("is not TOML")));
}

#[test]
fn a_secret_that_can_t_be_sent_is_refused_without_showing_it() {
    for key in [
        "server.admin_token",
        "unipile.webhook_secret",
        "unipile.api_key",
    ] {
        for secret in [" hunter2", "hunter2 ", " ", "hunter2\\n"] {
            let found = problems(&format!("{key} = \"{secret}\""));
            assert_eq!(found.len(), 1, "{key} {secret:?}: {found:?}");
            assert!(found[0].contains(key) && !found[0].contains("hunter2"));
        }
    }
}

#[test]
fn the_database_is_a_file() {
    for path in ["", " ", ":memory:", "file:x?mode=memory"] {
        let text = format!("database.path = {path:?}");
        refused(&text, &["1 database.path: must be the path of a file"]);
    }
}

#[test]
fn rules_across_keys() {
    refused(
        "[server]\nlisten='0.0.0.0:80'",
        &["2 server.admin_token: is empty, but listen"],
    );
    refused(
        "[server]\nlisten='127.0.0.1:80'\nadmin_listen='10.0.0.1:81'",
        &["3 server.admin_token: is empty, but admin_listen"],
    );
    refused(
        "[server]\nlisten='127.0.0.1:80'\nadmin_listen='127.0.0.1:80'",
        &["3 server.admin_listen: is the same address as listen"],
    );
    refused(
        "[server]\nlisten='0.0.0.0:80'\nadmin_listen='127.0.0.1:80'",
        &["3 server.admin_listen: is the same address as listen"],
    );
    refused(
        "[server]\nadmin_listen='8086'",
        &["2 server.admin_listen: is not an address to listen on"],
    );
    refused(
        "[server]\npublic_url='https://x.example'\nadmin_token=''",
        &["3 server.admin_token: is empty, but public_url"],
    );
    refused(
        "[sendpilot]\nwebhook_secrets=['x']",
        &["2 server.admin_token: is empty, but sendpilot.webhook_secrets are set"],
    );
    refused(
        "[unipile]\nwebhook_secret='x'",
        &["2 server.admin_token: is empty, but unipile.webhook_secret is set"],
    );
    refused(
        "[unipile]\nsigning_secret='x'",
        &["2 server.admin_token: is empty, but unipile.signing_secret is set"],
    );
    refused(
        "[unipile]\nbase_url='https://x.example'",
        &["unipile.api_key: is empty"],
    );
    refused(
        "[[account]]\nid='a'\n[[account]]\nid='a'",
        &["4 account[1].id: \"a\" is taken by the entry at line 2"],
    );
    refused(
        "[[destination]]\nname='d'\nkind='sendpilot'\nurl='https://x.example'\nevents=['linkedin.reply_received']",
        &["5 destination[0].events: sendpilot takes accepts only"],
    );
    refused(
        "[[destination]]\nname='d'\nkind='webhook'\nurl='https://x.example'\nevents=['linkedin.accepted']",
        &["did you mean \"linkedin.invite_accepted\"?"],
    );
}

#[test]
fn what_is_unwise_is_a_warning() {
    let text = "[unipile]\nbase_url=''\n[poll]\nspacing='5s'\n[[account]]\nid='a'\nspacing='1s'\n[[destination]]\nname='n'\n\
                kind='webhook'\nurl='http://n8n.example/webhook-test/x'\nsecrets=['whsec_c2hvcnQ=']";
    let text = format!(
        "{text}\n[server]\nlisten='0.0.0.0:80'\nadmin_token='a-token-of-this-test'\npublic_url='http://x.example'\n\
         dashboard_url='http://127.0.0.1:80'\n[sendpilot]\nwebhook_secrets=['short']"
    )
    .replace("base_url=''", "base_url=''\nwebhook_secret='short'");
    let (_, warnings) = parse(&text).unwrap();
    assert!(!warnings.iter().any(|w| w.contains("dashboard_url")));
    for expected in [
        "line 15: server.listen: is not a loopback address, and the daemon speaks plain HTTP",
        "line 17: server.public_url: is http",
        "line 3: unipile.webhook_secret: is shorter than 16 characters",
        "line 20: sendpilot.webhook_secrets: is shorter than 16 characters",
        "line 2: unipile.base_url: is empty: webhook-only",
        "line 5: poll.spacing: is under 30s",
        "line 8: account[0].spacing: is under 30s",
        "line 12: destination[0].url: is an n8n test URL",
        "line 12: destination[0].url: is http",
        "line 13: destination[0].secrets: has a key outside",
    ] {
        assert!(
            warnings.iter().any(|w| w.contains(expected)),
            "{expected}\n{warnings:#?}"
        );
    }
}

#[test]
fn only_the_address_of_the_api_needs_a_token() {
    let (config, warnings) =
        parse("[server]\nlisten='0.0.0.0:80'\nadmin_listen='127.0.0.1:81'").unwrap();
    assert_eq!(config.server.api_listen().to_string(), "127.0.0.1:81");
    let listen = warnings.iter().find(|w| w.contains("server.listen"));
    assert!(listen.is_some_and(|w| w.contains("webhook secrets travel in the clear")));
    let text = "[server]\nlisten='127.0.0.1:80'\nadmin_listen='10.0.0.1:81'\nadmin_token='a-token-of-this-test'";
    let (_, warnings) = parse(text).unwrap();
    let admin = warnings.iter().find(|w| w.contains("server.admin_listen"));
    assert!(admin.is_some_and(|w| w.contains("tokens travel in the clear")));
}

#[test]
fn without_sendpilot_s_secret_its_webhooks_are_refused() {
    let (_, warnings) = parse("").unwrap();
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("sendpilot.webhook_secrets: is empty"))
    );
}

#[test]
fn accounts_over_poll_and_siblings() {
    let text = "[poll]\ndaily_budget=50\n[[account]]\nid='a'\nworkspace_id='w'\nspacing='2m'\n[[account]]\nid='b'\nworkspace_id='w'\n\
                [[account]]\nid='c'\n[[account]]\nid='d'\nworkspace_id='ws_default'";
    let (config, _) = parse(text).unwrap();
    let id = |text| AccountId::parse(text).unwrap();
    let a = config.account(&id("a"));
    assert_eq!((a.workspace_id.as_str(), a.daily_budget), ("w", 50));
    assert_eq!(a.spacing, Duration::from_secs(120));
    assert_eq!(config.account(&id("z")).workspace_id, "ws_default");
    assert_eq!(config.siblings(&id("a")), [id("b")]);
    for alone in ["c", "d", "z"] {
        assert!(config.siblings(&id(alone)).is_empty(), "{alone}");
    }
}

#[test]
fn secrets_are_read_from_where_they_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "s3cret-of-a-test\n").unwrap();
    let (config, _) = parse(&format!("[server]\nadmin_token={{file={file:?}}}")).unwrap();
    assert_eq!(config.server.admin_token.expose(), "s3cret-of-a-test");
    refused(
        "[server]\nadmin_token={env='ACCEPTD_NOT_SET'}\n[unipile]\napi_key={fiel='x'}\nwebhook_secret={file='/nowhere/x'}\nsigning_secret=5",
        &[
            "2 server.admin_token: the environment variable ACCEPTD_NOT_SET is not set",
            "4 unipile.api_key: unknown key `fiel` in a secret; did you mean `file`?",
            "5 unipile.webhook_secret: the file /nowhere/x can't be read",
            "6 unipile.signing_secret: must be a secret",
        ],
    );
}

/// A file with the same text in every place that takes a secret.
fn secrets_everywhere(secret: &str) -> String {
    let s = toml::Value::String(secret.to_owned()).to_string();
    let other = toml::Value::String(format!("{secret}x")).to_string();
    format!(
        "[server]\nadmin_token={s}\nmetrics_token={s}\n[[token]]\nname='x'\nrole='read'\ntoken={other}\n[unipile]\nbase_url='https://x.example'\napi_key={s}\nwebhook_secret={s}\nsigning_secret={s}\n\
         [sendpilot]\nwebhook_secrets=[{s}]\n[[destination]]\nname='d'\nkind='webhook'\nurl={s}\nsecrets=[{s}]\nheaders={{x-y={s}}}\n\
         [[destination]]\nname='e'\nkind='webhook'\nurl='https://x.example/{}'\nheaders={{x-y='{}'}}\n",
        "hunter2hunter2", "hunter2hunter2"
    )
}

#[test]
fn a_printed_configuration_is_valid_and_holds_no_secret() {
    let text = uncommented()
        .replace(
            "admin_token = \"\"",
            "admin_token = \"hunter2hunter2hunter2\"",
        )
        .replace("token = \"…\"", "token = \"hunter2 of this test\"")
        .replace("acceptd\" }", "hunter2hunter2\" }");
    let (config, _) = parse(&text).unwrap();
    let printed = config.print_redacted();
    assert!(printed.contains(REDACTED));
    for secret in ["hunter2", "hooks.slack.com", "n8n.example", "MfKQ9r8"] {
        assert!(!printed.contains(secret), "{printed}");
        assert!(!format!("{config:?}").contains(secret));
    }
    assert!(toml::from_str::<toml::Table>(&printed).is_ok(), "{printed}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_likely_text_makes_it_panic(
        key in "(server|poll|account|destination|unipile)",
        name in "(listen|every|id|name|url|headers|secrets|api_key|daily_budget)",
        value in "(\"[^\"\\\\\n]{0,20}\"|[0-9]{1,30}|\\[\\]|\\{\\}|\\{ env = 5 \\}|true|1979-05-27|nan|0x[0-9a-f]{1,40})",
        list in any::<bool>(),
    ) {
        let head = if list { format!("[[{key}]]") } else { format!("[{key}]") };
        let _ = parse(&format!("{head}\n{name} = {value}\n"));
    }

    #[test]
    fn no_secret_is_ever_shown(secret in "[A-Za-z0-9+/=_-]{16,40}") {
        let shown = match parse(&secrets_everywhere(&secret)) {
            Ok((config, warnings)) => format!("{}{config:?}{warnings:?}", config.print_redacted()),
            Err(problems) => format!("{}{problems:?}", Errors { file: "f".into(), problems: problems.clone() }),
        };
        prop_assert!(!shown.contains(&secret));
        prop_assert!(!shown.contains("hunter2"));
    }

    #[test]
    fn no_broken_line_shows_its_secret(secret in "[A-Za-z0-9]{12,40}", n in 0usize..4) {
        let line = [
            format!("admin_token = {secret}"),
            format!("admin_token = \"{secret}"),
            format!("admin_token = \"x\" {secret}"),
            format!("admin_token = '''{secret}"),
        ][n].clone();
        let shown = format!("{:?}", parse(&format!("[server]\n{line}\n")).err());
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}
