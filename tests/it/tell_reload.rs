//! A reload gives no destination a second rate, and no more requests in flight than its concurrency allows.

use std::num::NonZeroU32;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::{Delivered, Held};
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::{Received, Receiver, Reply};
use acceptd::tell::{Destination, DestinationKind, RateLimit};
use serde_json::json;

use crate::process::Process;
use crate::site_support::client;
use crate::tell_support::{Outbox, destination};

/// How many accepts there are to announce.
const ACCEPTS: usize = 8;

/// The shortest time between two arrivals. Empty with fewer than two.
fn shortest_gap(received: &[Received]) -> Duration {
    let mut times: Vec<Timestamp> = received.iter().map(|r| r.at).collect();
    times.sort_unstable();
    times
        .windows(2)
        .map(|two| two[1].since(two[0]))
        .min()
        .expect("two arrivals")
}

/// Two destinations, and a setting that every reload changes.
fn settings(receiver: &Receiver, timeout_s: usize) -> String {
    format!(
        "[[destination]]\nname = \"slow-rate\"\nkind = \"slack\"\nurl = \"{}\"\ntimeout = \"{timeout_s}s\"\n\
         [[destination]]\nname = \"one-at-a-time\"\nkind = \"webhook\"\nurl = \"{}\"\nconcurrency = 1\ntimeout = \"{timeout_s}s\"\n",
        receiver.url("/slow-rate"),
        receiver.url("/one-at-a-time"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_give_no_second_rate_and_no_second_slot() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    let answer_after = Duration::from_millis(600);
    receiver.answer("/one-at-a-time", Reply::ok().after(answer_after));
    let mut process = Process::new(&settings(&receiver, 20));
    process.start(&[], &[]);
    for n in 0..ACCEPTS {
        let row = json!([{"id": format!("enr_{n}"), "accountId": "acc_1", "linkedinUrl": format!("linkedin.com/in/anna-{n}")}]);
        for (path, body) in [
            ("/v1/enrollments".to_owned(), row),
            (
                format!("/v1/enrollments/enr_{n}/stamp"),
                json!({"reason": "said so"}),
            ),
        ] {
            let ask = client().post(process.url(&path)).body(body.to_string());
            assert!(ask.send().await.expect("an answer").status().is_success());
        }
    }
    for reload in 1..=ACCEPTS {
        process.configure(&settings(&receiver, 20 + reload));
        process.signal("HUP");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    while receiver.received_at("/slow-rate").len() < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reloads = process.log().matches("reloaded the configuration").count();
    assert!(reloads >= 3, "{reloads} reloads: {}", process.log());
    // Less than a second, because a turn is taken before the row is claimed and sent.
    let gap = shortest_gap(&receiver.received_at("/slow-rate"));
    assert!(
        gap > Duration::from_millis(600),
        "two requests within {gap:?}"
    );
    let gap = shortest_gap(&receiver.received_at("/one-at-a-time"));
    assert!(gap >= answer_after, "a second request after {gap:?}");
}

fn slack(receiver: &Receiver) -> Destination {
    Destination {
        rate: RateLimit {
            count: NonZeroU32::MIN,
            per: Duration::from_secs(1),
        },
        ..destination("slack", DestinationKind::Slack, &receiver.url("/slack"))
    }
}

#[tokio::test]
async fn a_destination_added_again_keeps_its_limits() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    receiver.answer("/slack", Reply::ok().after(Duration::from_millis(1_500)));
    let mut outbox = Outbox::new(Clock::system());
    outbox.start(vec![slack(&receiver)]);
    let first = outbox.accept("enr_1", &["slack"]).await;
    receiver.wait_for(1).await;
    let waiting = outbox.accept("enr_2", &["slack"]).await;
    outbox.reload(vec![]);
    outbox.until_state(&waiting, "slack", Held).await;
    outbox.reload(vec![slack(&receiver)]);
    let second = outbox.accept("enr_3", &["slack"]).await;
    outbox.until_state(&first, "slack", Delivered).await;
    outbox.until_state(&second, "slack", Delivered).await;
    assert_eq!(receiver.received().len(), 2);
    let gap = shortest_gap(&receiver.received());
    assert!(
        gap >= Duration::from_millis(1_500),
        "in flight after {gap:?}"
    );
}

#[tokio::test]
async fn a_new_concurrency_counts_requests_in_flight() {
    let receiver = Receiver::start(Clock::system()).await.expect("a receiver");
    receiver.answer("/hook", Reply::ok().after(Duration::from_millis(900)));
    let with = |concurrency| Destination {
        concurrency: NonZeroU32::new(concurrency).expect("not zero"),
        ..destination("hook", DestinationKind::Webhook, &receiver.url("/hook"))
    };
    let mut outbox = Outbox::new(Clock::system());
    outbox.start(vec![with(1)]);
    let mut events = Vec::new();
    for n in 0..6 {
        events.push(outbox.accept(&format!("enr_{n}"), &["hook"]).await);
    }
    receiver.wait_for(1).await;
    outbox.reload(vec![with(3)]);
    receiver.wait_for(3).await;
    outbox.reload(vec![with(1)]);
    for event in &events {
        outbox.until_state(event, "hook", Delivered).await;
    }
    let mut times: Vec<Timestamp> = receiver.received().iter().map(|r| r.at).collect();
    times.sort_unstable();
    // Three at once, then one at a time.
    assert!(times[2].since(times[0]) < Duration::from_millis(900));
    for two in times[2..].windows(2) {
        let gap = two[1].since(two[0]);
        assert!(gap >= Duration::from_millis(850), "{gap:?}");
    }
}
