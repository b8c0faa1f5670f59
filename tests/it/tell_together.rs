//! Deliveries that wait together are claimed and settled together, and keep the limits of their destination.

use std::num::NonZeroU32;
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::{Delivered, Pending};
use acceptd::sim::receiver::{Receiver, Reply};
use acceptd::tell::{Destination, DestinationKind, RateLimit};

use crate::tell_support::{Outbox, destination};

/// How many deliveries wait together.
const WAITING: usize = 40;

async fn receiver() -> Receiver {
    Receiver::start(Clock::system()).await.expect("a receiver")
}

/// A destination without a limit that a test notices, but for this many requests in flight.
fn hook(receiver: &Receiver, concurrency: u32) -> Destination {
    Destination {
        concurrency: NonZeroU32::new(concurrency).expect("not zero"),
        rate: RateLimit {
            count: NonZeroU32::new(100_000).expect("not zero"),
            per: Duration::from_secs(1),
        },
        ..destination("hook", DestinationKind::Webhook, &receiver.url("/hook"))
    }
}

async fn waiting(outbox: &Outbox, count: usize) -> Vec<String> {
    let mut events = Vec::new();
    for n in 0..count {
        events.push(outbox.accept(&format!("enr_{n}"), &["hook"]).await);
    }
    events
}

#[tokio::test]
async fn what_waits_together_takes_few_commits() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::ok().after(Duration::from_millis(300)));
    let mut outbox = Outbox::new(Clock::system());
    let events = waiting(&outbox, WAITING).await;
    let before = *outbox.store.commits().borrow();
    outbox.start(vec![hook(&receiver, 2 * WAITING as u32)]);
    for event in &events {
        outbox.until_state(event, "hook", Delivered).await;
    }
    let commits = *outbox.store.commits().borrow() - before;
    assert!(commits < WAITING as u64, "{commits} commits");
    assert_eq!(receiver.received().len(), WAITING);
}

#[tokio::test]
async fn no_more_are_in_flight_than_the_concurrency_allows() {
    const LIMIT: u32 = 3;
    let receiver = receiver().await;
    let answer_after = Duration::from_millis(250);
    receiver.answer("/hook", Reply::ok().after(answer_after));
    let mut outbox = Outbox::new(Clock::system());
    let events = waiting(&outbox, 9).await;
    outbox.start(vec![hook(&receiver, LIMIT)]);
    for event in &events {
        outbox.until_state(event, "hook", Delivered).await;
    }
    let mut times: Vec<_> = receiver.received().iter().map(|r| r.at).collect();
    times.sort_unstable();
    for window in times.windows(LIMIT as usize + 1) {
        let span = window[LIMIT as usize].since(window[0]);
        assert!(span >= answer_after, "{LIMIT} and one more in {span:?}");
    }
}

#[tokio::test]
async fn nothing_is_claimed_after_the_receiver_is_gone() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::status(410, ""));
    let mut outbox = Outbox::new(Clock::system());
    let events = waiting(&outbox, 5).await;
    outbox.start(vec![hook(&receiver, 1)]);
    outbox.until_tried(&events[0], "hook", 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.received().len(), 1);
    for event in &events[1..] {
        let row = outbox.delivery(event, "hook").await;
        assert_eq!((row.state, row.attempts), (Pending, 0));
    }
}
