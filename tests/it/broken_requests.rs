//! Malformed requests to the real process, generated from a seed: broken heads, chunked bodies, pipelines and slow senders. The
//! process never hangs or panics, it answers 200 to no incomplete body, and it answers every valid webhook that is sent meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt as _, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::process::Process;
use crate::raw_support::connect;
use crate::site_support::client;

const SEED: u64 = 0xACCE_97D0;
const CASES: usize = 600;
const AT_ONCE: usize = 16;
/// The server closes what is not whole when its client has sent everything it has.
const PATIENCE: Duration = Duration::from_secs(45);
const EVENT: &str = r#"{"event":"nothing.known","account_type":"LINKEDIN"}"#;
const PROOF: &str = "unipile-auth: the-static-secret";
const CONFIGURATION: &str = "server.admin_token = \"the-admin-token-of-a-test\"\n\
    [unipile]\nwebhook_secret = \"the-static-secret\"\n";

/// What is sent, in which pieces, and how many 200s it may and must get.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    piece: usize,
    at_least: usize,
    at_most: usize,
}

fn start(headers: &str) -> Vec<u8> {
    format!("POST /webhooks/unipile HTTP/1.1\r\nHost: localhost\r\n{PROOF}\r\n{headers}\r\n")
        .into_bytes()
}

fn with_length() -> Vec<u8> {
    let mut all = start(&format!("Content-Length: {}\r\n", EVENT.len()));
    all.extend_from_slice(EVENT.as_bytes());
    all
}

/// A chunked body in random chunks, some with extensions and trailers.
fn chunked(rng: &mut StdRng) -> Vec<u8> {
    let mut all = start("Transfer-Encoding: chunked\r\n");
    let mut rest = EVENT.as_bytes();
    while !rest.is_empty() {
        let (chunk, left) = rest.split_at(rng.random_range(1..=rest.len()));
        let extension = if rng.random_bool(0.2) { ";a=b" } else { "" };
        all.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        all.extend_from_slice(chunk);
        all.extend_from_slice(b"\r\n");
        rest = left;
    }
    all.extend_from_slice(b"0\r\n");
    if rng.random_bool(0.2) {
        all.extend_from_slice(b"x-trailer: y\r\n");
    }
    all.extend_from_slice(b"\r\n");
    all
}

fn broken_head(rng: &mut StdRng) -> Vec<u8> {
    let odd: &[&[u8]] = &[
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n: empty\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /webhooks/unipile HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhooks/unipile HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /webhooks/unipile HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /webhooks/unipile HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"POST /webhooks/unipile HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /webhooks/unipile HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    match rng.random_range(0..4) {
        0 => (0..rng.random_range(1..400))
            .map(|_| rng.random())
            .collect(),
        1 => format!(
            "GET /healthz HTTP/1.1\r\n{}\r\n",
            "x: y\r\n".repeat(rng.random_range(101..3000))
        )
        .into_bytes(),
        2 => format!(
            "GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n",
            "y".repeat(rng.random_range(150_000..400_000))
        )
        .into_bytes(),
        _ => odd.choose(rng).expect("many").to_vec(),
    }
}

fn broken_chunks(rng: &mut StdRng) -> Vec<u8> {
    let odd: &[&str] = &[
        "-1\r\n",
        "zz\r\n",
        "ffffffffffffffffff\r\n",
        "5\r\nab\r\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "\r\n",
        "0\r\nbad trailer\r\n\r\n",
        "1;",
    ];
    let mut all = start("Transfer-Encoding: chunked\r\n");
    // What was sent so far is a whole event already; the body as such is not.
    all.extend_from_slice(format!("{:x}\r\n{EVENT}\r\n", EVENT.len()).as_bytes());
    all.extend_from_slice(odd.choose(rng).expect("many").as_bytes());
    all
}

fn case(rng: &mut StdRng) -> Case {
    let exactly = |name, bytes, n| Case {
        name,
        bytes,
        piece: usize::MAX,
        at_least: n,
        at_most: n,
    };
    let mut made = match rng.random_range(0..8) {
        0 => exactly("a broken head", broken_head(rng), 0),
        1 => exactly("broken chunks", broken_chunks(rng), 0),
        2 => exactly("a whole chunked body", chunked(rng), 1),
        3 => {
            let mut bytes = chunked(rng);
            let body = start("Transfer-Encoding: chunked\r\n").len();
            bytes.truncate(rng.random_range(body..bytes.len()));
            exactly("a cut chunked body", bytes, 0)
        }
        4 => {
            // Only blanks are missing, so what has come is a whole event.
            let mut bytes = start(&format!(
                "Content-Length: {}\r\n",
                EVENT.len() + rng.random_range(1..2000)
            ));
            bytes.extend_from_slice(EVENT.as_bytes());
            exactly("a body shorter than declared", bytes, 0)
        }
        5 => {
            let requests = rng.random_range(2..6);
            let all = (0..requests).flat_map(|_| {
                if rng.random_bool(0.5) {
                    with_length()
                } else {
                    chunked(rng)
                }
            });
            let bytes = all.collect();
            exactly("a pipeline", bytes, requests)
        }
        6 => {
            let mut bytes = with_length();
            let end = rng.random_range(1..bytes.len());
            bytes.truncate(end);
            exactly("a cut request", bytes, 0)
        }
        _ => {
            let mut bytes = if rng.random_bool(0.5) {
                with_length()
            } else {
                chunked(rng)
            };
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            Case {
                name: "a damaged request",
                bytes,
                piece: usize::MAX,
                at_least: 0,
                at_most: 1,
            }
        }
    };
    if rng.random_bool(0.3) {
        made.piece = rng.random_range(1..60).max(made.bytes.len() / 200);
        made.name = if made.at_least > 0 {
            "a whole trickle"
        } else {
            made.name
        };
    }
    made
}

/// Sends it, then nothing more, and reads to the end.
async fn run(address: &str, case: &Case) -> String {
    let (mut read, mut write) = connect(address).await.into_split();
    let send = async {
        for piece in case.bytes.chunks(case.piece.min(case.bytes.len())) {
            // A connection that was closed on a broken head is fine.
            if write.write_all(piece).await.is_err() {
                break;
            }
            if case.piece < case.bytes.len() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let _ = write.shutdown().await;
    };
    let mut text = Vec::new();
    let both = async { tokio::join!(send, read.read_to_end(&mut text)) };
    let ended = timeout(PATIENCE, both).await;
    assert!(
        ended.is_ok(),
        "{}: it hangs after {:?}",
        case.name,
        String::from_utf8_lossy(&case.bytes)
    );
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn no_malformed_request_hangs_or_breaks_the_process() {
    let mut process = Process::new(CONFIGURATION);
    process.start(&[], &[]);
    let address = process.url("").replace("http://", "");
    let over = Arc::new(AtomicBool::new(false));
    let beside = tokio::spawn({
        let (over, url) = (over.clone(), process.url("/webhooks/unipile"));
        async move {
            let (client, mut answered, mut slowest) = (client(), 0_u32, Duration::ZERO);
            while !over.load(Ordering::Relaxed) {
                let started = Instant::now();
                let asked = client
                    .post(&url)
                    .header("unipile-auth", "the-static-secret")
                    .body(EVENT);
                assert_eq!(asked.send().await.expect("an answer").status(), 200);
                slowest = slowest.max(started.elapsed());
                answered += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (answered, slowest)
        }
    });
    let started = Instant::now();
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut running = JoinSet::new();
    for _ in 0..CASES {
        let (case, address) = (case(&mut rng), address.clone());
        if running.len() >= AT_ONCE
            && let Some(ended) = running.join_next().await
        {
            ended.expect("a case holds");
        }
        running.spawn(async move {
            let text = run(&address, &case).await;
            let taken = text.matches("HTTP/1.1 200").count();
            let fits = (case.at_least..=case.at_most).contains(&taken);
            assert!(
                fits,
                "{}: {taken} of {}..={}\nsent {:?}\ngot {text:?}",
                case.name,
                case.at_least,
                case.at_most,
                String::from_utf8_lossy(&case.bytes)
            );
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("a case holds");
    }
    over.store(true, Ordering::Relaxed);
    let (answered, slowest) = beside.await.expect("every webhook is answered");
    println!(
        "{CASES} cases in {:?}; {answered} webhooks beside, slowest {slowest:?}",
        started.elapsed()
    );
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let log = process.log();
    assert!(!log.contains("panic"), "{log}");
    assert!(process.stop().success(), "{}", process.log());
}
