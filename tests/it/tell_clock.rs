//! Deliveries that were planned while the clock was ahead, once it was set back.

use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::{Delivered, Held, Pending};
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::{Receiver, Reply};
use acceptd::tell::{Destination, DestinationKind};

use crate::tell_support::{Outbox, START, destination};

const HOUR: Duration = Duration::from_secs(3_600);

async fn receiver() -> Receiver {
    Receiver::start(Clock::system()).await.expect("a receiver")
}

fn hook(receiver: &Receiver) -> Destination {
    destination("hook", DestinationKind::Webhook, &receiver.url("/hook"))
}

#[tokio::test]
async fn events_made_while_the_clock_was_ahead_are_sent_at_start() {
    for ahead in [HOUR, 40 * 24 * HOUR] {
        let receiver = receiver().await;
        let mut outbox = Outbox::new(Clock::by_hand(START.plus(ahead)));
        let event = outbox.accept("enr_1", &["hook"]).await;
        outbox.clock.set(START);
        outbox.start(vec![hook(&receiver)]);
        outbox.until_state(&event, "hook", Delivered).await;
    }
}

#[tokio::test]
async fn a_retry_planned_ahead_keeps_its_delay() {
    let receiver = receiver().await;
    receiver.answer_next("/hook", Reply::status(500, ""));
    let mut outbox = Outbox::new(Clock::by_hand(START.plus(HOUR)));
    outbox.start(vec![hook(&receiver)]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    let planned = outbox.until_tried(&event, "hook", 1).await;
    let wait = planned
        .next_attempt_at
        .expect("a time")
        .since(START.plus(HOUR));
    assert!(wait >= Duration::from_secs(5), "{wait:?}");
    // While it runs, without anything that wakes it.
    outbox.clock.set(START);
    let again = START.plus(wait);
    outbox
        .until(&event, "hook", |row| row.next_attempt_at == Some(again))
        .await;
    outbox.clock.set(Timestamp(again.0 - 1));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(receiver.received().len(), 1, "it came early");
    outbox.clock.set(again);
    outbox.until_state(&event, "hook", Delivered).await;
}

#[tokio::test]
async fn a_retry_that_was_planned_by_the_right_clock_keeps_its_time() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::status(503, "").retry_after("86400"));
    let mut outbox = Outbox::new(Clock::by_hand(START));
    outbox.start(vec![hook(&receiver)]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    let planned = outbox.until_tried(&event, "hook", 1).await;
    outbox.drain().await;
    let made_ahead = {
        outbox.clock.set(START.plus(2 * HOUR));
        outbox.accept("enr_2", &["hook"]).await
    };
    outbox.clock.set(START.plus(HOUR));
    outbox.start(vec![hook(&receiver)]);
    outbox.until_tried(&made_ahead, "hook", 1).await;
    let row = outbox.delivery(&event, "hook").await;
    assert_eq!((row.state, row.attempts), (Pending, 1));
    assert_eq!(row.next_attempt_at, planned.next_attempt_at);
}

#[tokio::test]
async fn what_died_while_the_clock_was_ahead_is_part_of_a_bulk_replay() {
    let receiver = receiver().await;
    let mut outbox = Outbox::new(Clock::by_hand(START.plus(HOUR)));
    outbox.start(vec![]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    outbox.until_state(&event, "hook", Held).await;
    outbox.drain().await;
    outbox.clock.set(START);
    let asked = outbox
        .store
        .write(|tx| tx.start_bulk_replay(Held, None, START, 500))
        .await;
    assert_eq!(
        asked.expect("asked"),
        acceptd::store::BulkReplayStart::Finished(1)
    );
    outbox.start(vec![hook(&receiver)]);
    outbox.until_state(&event, "hook", Delivered).await;
}
