//! Two addresses: `server.listen` for webhooks alone, `server.admin_listen` for everything else.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use tokio::io::AsyncWriteExt;

use crate::cli_support::Live;
use crate::process::Process;
use crate::raw_support::{answer, begin};
use crate::site_support::{TOKEN, client};

const SECRET: &str = "the-static-secret";
const EVENT: &str = r#"{"event":"nothing.known","account_type":"LINKEDIN"}"#;

fn configuration(more: &str) -> String {
    format!("server.admin_token = \"{TOKEN}\"\n{more}\nunipile.webhook_secret = \"{SECRET}\"\n")
}

fn two_addresses() -> String {
    configuration("server.admin_listen = \"127.0.0.1:0\"")
}

fn ask(method: &str, address: &str, path: &str) -> RequestBuilder {
    let method: Method = method.parse().expect("a method");
    client().request(method, format!("http://{address}{path}"))
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("an answer").status().as_u16()
}

async fn webhook(address: &str) -> u16 {
    let request = ask("POST", address, "/webhooks/unipile").header("unipile-auth", SECRET);
    status(request.body(EVENT)).await
}

/// Whether the address serves the API (`true`) or webhooks (`false`), and not the other.
async fn serves_api(address: &str) -> bool {
    let accounts = status(ask("GET", address, "/v1/accounts").bearer_auth(TOKEN)).await;
    match (accounts, webhook(address).await) {
        (200, 404) => true,
        (404, 200) => false,
        other => panic!("{address} answers {other:?}"),
    }
}

#[tokio::test]
async fn the_public_address_serves_webhooks_and_nothing_else() {
    let mut process = Process::new(&two_addresses());
    process.start(&[], &[]);
    let (public, admin) = (process.address("webhooks"), process.address("api"));
    assert_eq!(webhook(&public).await, 200);
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/login",
        "/v1",
        "/v1/accounts",
        "/v1/stream",
        "/v1/nothing",
        "/webhooks",
        "/webhooks/other",
    ] {
        for token in [TOKEN, "a-wrong-token-of-a-test"] {
            let asked = ask("GET", &public, path).bearer_auth(token);
            assert_eq!(status(asked).await, 404, "{path}");
        }
        assert_eq!(status(ask("POST", &public, path).body("{}")).await, 404);
    }
    assert_eq!(status(ask("GET", &public, "/webhooks/unipile")).await, 405);
    let refused = ask("POST", &public, "/webhooks/unipile").header("unipile-auth", "wrong");
    assert_eq!(status(refused.body(EVENT)).await, 401);

    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/login"] {
        assert_eq!(status(ask("GET", &admin, path)).await, 200, "{path}");
    }
    assert_eq!(status(ask("GET", &admin, "/v1/accounts")).await, 401);
    assert!(serves_api(&admin).await);
    let sent_here = ask("POST", &admin, "/webhooks/unipile").body(EVENT);
    let sent_here = sent_here.send().await.expect("an answer");
    let text = sent_here.text().await.expect("a body");
    assert!(text.contains("server.listen"), "{text}");

    let page = ask("GET", &admin, "/metrics").send().await.expect("a page");
    let page = page.text().await.expect("a page");
    let mut failures = page
        .lines()
        .filter(|line| line.starts_with("acceptd_auth_failures_total"));
    assert!(
        failures.all(|line| line.ends_with(" 0")),
        "the public address judged a token: {page}"
    );
}

#[tokio::test]
async fn a_socket_named_admin_is_admin_listen_and_every_other_name_is_listen() {
    for (names, admin) in [
        ("acceptd.socket:admin", Some(1)),
        ("admin:web", Some(0)),
        ("acceptd.socket:acceptd-admin.socket", None),
    ] {
        let mut process = Process::new(&configuration(""));
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a socket"));
        let addresses = sockets
            .each_ref()
            .map(|socket| socket.local_addr().expect("an address").to_string());
        process.start_with_sockets(sockets, names);
        let Some(admin) = admin else {
            for address in &addresses {
                assert_eq!(status(ask("GET", address, "/healthz")).await, 200);
                assert_eq!(webhook(address).await, 200);
            }
            continue;
        };
        assert!(serves_api(&addresses[admin]).await, "{names}");
        assert!(!serves_api(&addresses[1 - admin]).await, "{names}");
        let warned = process.log().contains("server.admin_listen is empty");
        assert!(warned, "{}", process.log());
    }
}

#[tokio::test]
async fn a_socket_that_systemd_does_not_hand_over_is_bound() {
    for (name, bound) in [("acceptd.socket", "api"), ("admin", "webhooks")] {
        let mut process = Process::new(&two_addresses());
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a socket"));
        let inherited = sockets[0].local_addr().expect("an address").to_string();
        process.start_with_sockets(sockets, &format!("{name}:{name}"));
        assert_eq!(serves_api(&inherited).await, bound == "webhooks");
        assert_eq!(
            serves_api(&process.address(bound)).await,
            bound == "api",
            "{name}"
        );
    }
}

#[test]
fn the_commands_ask_at_admin_listen() {
    let live = Live::new("server.admin_listen = \"127.0.0.1:0\"\n");
    let text = std::fs::read_to_string(&live.config).expect("readable");
    let admin = live.process.address("api");
    std::fs::write(&live.config, text.replace("127.0.0.1:0", &admin)).expect("writable");
    assert!(live.done(&["status"]).contains("Backlog"));
}

#[test]
fn a_reload_can_t_change_admin_listen_and_says_so() {
    let mut process = Process::new(&two_addresses());
    process.start(&[], &[]);
    process.configure(&configuration("server.admin_listen = \"127.0.0.1:1\""));
    process.signal("HUP");
    process.wait_for_log("server.admin_listen can't change while the daemon runs");
    process.wait_for_log("reloaded the configuration");
    assert!(process.stop().success());
}

/// The flood takes every place of the public address several times over. A request that was there before still gets its answer.
#[tokio::test]
async fn a_flood_at_the_public_address_closes_no_connection_at_the_other() {
    let mut process = Process::new(&two_addresses());
    process.start_with_open_files_max(640);
    let (public, admin) = (process.address("webhooks"), process.address("api"));
    let mut early = begin(&admin, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n").await;
    let mut flood = Vec::new();
    for _ in 0..400 {
        flood.push(begin(&public, "POST /webhooks/unipile HTTP/1.1\r\nHost: x\r\n").await);
    }
    let started = Instant::now();
    assert_eq!(webhook(&public).await, 200);
    assert_eq!(status(ask("GET", &admin, "/healthz")).await, 200);
    early.write_all(b"\r\n").await.expect("it is open");
    assert_eq!(answer(&mut early).await.0, 200);
    assert!(started.elapsed() < Duration::from_secs(5));
}
