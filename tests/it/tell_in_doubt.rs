//! Which interrupted exchanges are in doubt and which are not, through real sockets. See `docs/rules/deliveries.md`.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::{Delivered, Held, Pending};
use acceptd::sim::receiver::{Receiver, Reply};
use acceptd::tell::{DestinationKind, InDoubt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::tell_support::{Outbox, START, destination};

async fn receiver() -> Receiver {
    Receiver::start(Clock::system()).await.expect("a receiver")
}

#[tokio::test]
async fn a_cut_connection_is_in_doubt() {
    for (in_doubt, state) in [(InDoubt::Hold, Held), (InDoubt::Resend, Pending)] {
        for kind in [DestinationKind::Slack, DestinationKind::Webhook] {
            let receiver = receiver().await;
            receiver.answer_next("/hook", Reply::cut());
            let clock = Clock::by_hand(START);
            let mut outbox = Outbox::new(clock.clone());
            let mut hook = destination("hook", kind, &receiver.url("/hook"));
            hook.in_doubt = in_doubt;
            outbox.start(vec![hook]);
            let event = outbox.accept("enr_1", &["hook"]).await;
            let row = outbox.until_tried(&event, "hook", 1).await;
            assert_eq!(row.state, state, "{row:?}");
            assert_eq!(outbox.counts.results(), ["in_doubt"]);
            let said = row.last_error.expect("an error");
            assert!(
                said.contains("the connection broke before an answer"),
                "{said}"
            );
            clock.advance(Duration::from_secs(6));
            if state == Pending {
                outbox.until_state(&event, "hook", Delivered).await;
                assert_eq!(receiver.received().len(), 2);
            }
            outbox.drain().await;
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_in_doubt() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::ok().after(Duration::from_secs(600)));
    let mut outbox = Outbox::new(Clock::by_hand(START));
    let mut hook = destination("hook", DestinationKind::Webhook, &receiver.url("/hook"));
    hook.timeout = Duration::from_millis(300);
    hook.in_doubt = InDoubt::Hold;
    outbox.start(vec![hook]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    let row = outbox.until_state(&event, "hook", Held).await;
    let said = row.last_error.expect("an error");
    assert!(said.contains("no answer came within 0.3 s"), "{said}");
}

#[tokio::test]
async fn a_request_that_was_never_written_is_not_in_doubt() {
    let refused = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone = format!(
        "http://{}/secret-path",
        refused.local_addr().expect("bound")
    );
    drop(refused);
    for url in [
        gone.as_str(),
        "http://no-such-name.invalid/secret-path",
        // Nothing there speaks TLS.
        &gone.replace("http:", "https:"),
    ] {
        let mut outbox = Outbox::new(Clock::by_hand(START));
        outbox.start(vec![destination("slack", DestinationKind::Slack, url)]);
        let event = outbox.accept("enr_1", &["slack"]).await;
        let row = outbox.until_tried(&event, "slack", 1).await;
        assert_eq!(row.state, Pending, "{row:?}");
        assert_eq!(outbox.counts.results(), ["retry"]);
        let said = row.last_error.expect("an error");
        assert!(
            !said.contains("secret-path")
                && (said.starts_with("The receiver")
                    || said.starts_with("the name no-such-name.invalid could not be resolved")),
            "{said}"
        );
    }
}

/// Reads a request to the end of its body.
async fn read_request(socket: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let (_, length) = head.split_once("content-length: ").expect("a length");
            let length: usize = length
                .lines()
                .next()
                .expect("a value")
                .parse()
                .expect("a number");
            if seen.len() >= head.len() + 4 + length {
                return;
            }
        }
        match socket.read(&mut part).await {
            Ok(n) if n > 0 => seen.extend_from_slice(&part[..n]),
            _ => return,
        }
    }
}

/// A receiver below HTTP: it reads the request and then writes `bytes` and closes.
async fn raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/raw", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            read_request(&mut socket).await;
            // The other side may be gone.
            let _ = socket.write_all(bytes).await;
        }
    });
    url
}

#[tokio::test]
async fn half_an_answer() {
    let head_only: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\no";
    let garbage: &[u8] = b"SMTP ready\r\n\r\n";
    for (kind, bytes, result) in [
        // The status is the answer.
        (DestinationKind::Webhook, head_only, "delivered"),
        // Slack's answer is in the body.
        (DestinationKind::Slack, head_only, "in_doubt"),
        (DestinationKind::Webhook, garbage, "in_doubt"),
        (DestinationKind::Slack, garbage, "in_doubt"),
        (
            DestinationKind::Slack,
            b"HTTP/1.1 500 No\r\ncontent-length: 100\r\n\r\no",
            "retry",
        ),
    ] {
        let url = raw(bytes).await;
        let mut outbox = Outbox::new(Clock::by_hand(START));
        outbox.start(vec![destination("raw", kind, &url)]);
        let event = outbox.accept("enr_1", &["raw"]).await;
        outbox.until_tried(&event, "raw", 1).await;
        assert_eq!(outbox.counts.results(), [result], "{kind:?} {bytes:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/endless", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = socket.write_all(head).await;
            let chunk = [b"1000\r\n".as_slice(), &[b'x'; 4096], b"\r\n"].concat();
            while socket.write_all(&chunk).await.is_ok() {}
        }
    });
    let mut outbox = Outbox::new(Clock::by_hand(START));
    outbox.start(vec![
        destination("slack", DestinationKind::Slack, &url),
        destination("hook", DestinationKind::Webhook, &url),
    ]);
    let event = outbox.accept("enr_1", &["slack", "hook"]).await;
    outbox.until_state(&event, "hook", Delivered).await;
    let row = outbox.until_tried(&event, "slack", 1).await;
    assert!(row.last_error.expect("an error").chars().count() < 300);
}
