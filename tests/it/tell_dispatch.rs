//! Start, reload, stop and drain of the dispatcher, and destinations that must not delay each other.

use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::{Delivered, Held, Pending, Sending};
use acceptd::sim::receiver::{Receiver, Reply};
use acceptd::tell::{DestinationKind, InDoubt};

use crate::tell_support::{Outbox, START, destination};

const LONG: Duration = Duration::from_secs(600);

async fn receiver() -> Receiver {
    Receiver::start(Clock::system()).await.expect("a receiver")
}

#[tokio::test]
async fn a_slow_or_failing_destination_delays_no_other() {
    let receiver = receiver().await;
    receiver.answer("/slow", Reply::ok().after(LONG));
    receiver.answer("/failing", Reply::status(500, ""));
    let mut outbox = Outbox::new(Clock::system());
    outbox.start(
        ["slow", "failing", "good"]
            .map(|name| {
                destination(
                    name,
                    DestinationKind::Webhook,
                    &receiver.url(&format!("/{name}")),
                )
            })
            .to_vec(),
    );
    let begun = Instant::now();
    let mut events = Vec::new();
    for n in 0..20 {
        let name = format!("enr_{n}");
        events.push(outbox.accept(&name, &["slow", "failing", "good"]).await);
    }
    for event in &events {
        outbox.until_state(event, "good", Delivered).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    for event in &events {
        outbox.until_tried(event, "failing", 1).await;
    }
    assert_eq!(receiver.received_at("/slow").len(), 4, "its concurrency");
}

#[tokio::test]
async fn gone_stops_a_destination_until_it_is_started() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::status(410, "gone fishing"));
    let mut outbox = Outbox::new(Clock::system());
    let hook = destination("hook", DestinationKind::Webhook, &receiver.url("/hook"));
    outbox.start(vec![hook.clone()]);
    let first = outbox.accept("enr_1", &["hook"]).await;
    let row = outbox.until_tried(&first, "hook", 1).await;
    assert_eq!((row.state, row.last_status), (Pending, Some(410)));
    assert!(row.last_error.is_some_and(|e| e.contains("fishing")));
    // What the receiver said stays with the delivery, and goes with it when a person is erased.
    let known = outbox.store.read(|reader| reader.destination("hook")).await;
    let reason = known.expect("read").and_then(|row| row.stopped_reason);
    assert_eq!(reason.as_deref(), Some("The receiver answered 410 Gone"));
    let second = outbox.accept("enr_2", &["hook"]).await;

    // It stays stopped over a restart, and a test that fails does not start it.
    outbox.drain().await;
    outbox.start(vec![hook.clone()]);
    let failed = outbox.test("hook").await;
    outbox.until_tried(&failed, "hook", 1).await;
    assert_eq!(receiver.received().len(), 2);
    let row = outbox.delivery(&second, "hook").await;
    assert_eq!((row.state, row.attempts), (Pending, 0));

    // One that succeeds does.
    receiver.answer("/hook", Reply::ok());
    let test = outbox.test("hook").await;
    outbox.until_state(&test, "hook", Delivered).await;
    for event in [&first, &second, &failed] {
        outbox.until_state(event, "hook", Delivered).await;
    }

    // So does the API's `enable`, and a new url.
    for by_url in [false, true] {
        receiver.answer("/hook", Reply::status(410, ""));
        let event = outbox.accept(&format!("by url: {by_url}"), &["hook"]).await;
        outbox.until_tried(&event, "hook", 1).await;
        receiver.answer("/hook", Reply::ok());
        if by_url {
            outbox.reload(vec![destination(
                "hook",
                DestinationKind::Webhook,
                &receiver.url("/new"),
            )]);
        } else {
            let started = outbox.store.write(|tx| tx.start_destination("hook")).await;
            assert!(started.expect("written"));
        }
        outbox.until_state(&event, "hook", Delivered).await;
    }
    assert_eq!(receiver.received_at("/new").len(), 1);
}

#[tokio::test]
async fn deliveries_in_flight_at_a_crash_resume_at_the_next_start() {
    let receiver = receiver().await;
    let mut outbox = Outbox::new(Clock::system());
    let event = outbox.accept("enr_1", &["hook", "slack", "removed"]).await;
    for name in ["hook", "slack", "removed"] {
        let now = outbox.clock.now();
        let claimed = outbox
            .store
            .write(move |tx| tx.claim_deliveries(name, false, &[], now, 9))
            .await;
        assert_eq!(claimed.expect("claimed").len(), 1);
    }
    let begun = Instant::now();
    outbox.start(vec![
        destination("hook", DestinationKind::Webhook, &receiver.url("/hook")),
        destination("slack", DestinationKind::Slack, &receiver.url("/slack")),
    ]);
    let row = outbox.until_state(&event, "hook", Delivered).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(row.attempts, 2);
    let row = outbox.until_state(&event, "slack", Held).await;
    assert!(row.last_error.expect("why").starts_with("In doubt"));
    outbox.until_state(&event, "removed", Held).await;
    let got = receiver.received();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].header("webhook-id"), Some(event.as_str()));

    // A person decides.
    let (id, now) = (
        outbox.delivery(&event, "slack").await.id,
        outbox.clock.now(),
    );
    let replayed = outbox.store.write(move |tx| tx.replay_delivery(id, now));
    replayed.await.expect("replayed");
    outbox.until_state(&event, "slack", Delivered).await;
}

#[tokio::test]
async fn a_drain_waits_for_what_is_on_the_wire_and_claims_no_more() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::ok().after(Duration::from_millis(400)));
    let mut outbox = Outbox::new(Clock::system());
    let mut hook = destination("hook", DestinationKind::Webhook, &receiver.url("/hook"));
    hook.concurrency = std::num::NonZeroU32::MIN;
    outbox.start(vec![hook]);
    let first = outbox.accept("enr_1", &["hook"]).await;
    let second = outbox.accept("enr_2", &["hook"]).await;
    receiver.wait_for(1).await;
    outbox.drain().await;
    assert_eq!(outbox.delivery(&first, "hook").await.state, Delivered);
    assert_eq!(outbox.delivery(&second, "hook").await.state, Pending);
}

#[tokio::test]
async fn a_drain_gives_up_after_ten_seconds() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::ok().after(LONG));
    let mut outbox = Outbox::new(Clock::system());
    outbox.start(vec![destination(
        "hook",
        DestinationKind::Webhook,
        &receiver.url("/hook"),
    )]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    receiver.wait_for(1).await;
    let begun = Instant::now();
    outbox.drain().await;
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(10) && took < Duration::from_secs(12),
        "{took:?}"
    );
    assert_eq!(outbox.delivery(&event, "hook").await.state, Sending);
}

#[tokio::test]
async fn a_reload_drops_nothing_and_holds_for_removed_ones() {
    let receiver = receiver().await;
    receiver.answer("/kept", Reply::ok().after(Duration::from_millis(400)));
    receiver.answer(
        "/removed",
        Reply::status(500, "").after(Duration::from_millis(400)),
    );
    let mut outbox = Outbox::new(Clock::system());
    let kept = destination("kept", DestinationKind::Webhook, &receiver.url("/kept"));
    let removed = destination(
        "removed",
        DestinationKind::Webhook,
        &receiver.url("/removed"),
    );
    outbox.start(vec![kept.clone(), removed]);
    let event = outbox.accept("enr_1", &["kept", "removed"]).await;
    receiver.wait_for(2).await;
    // Changed while it is on the wire.
    let mut changed = kept;
    changed.timeout = Duration::from_secs(3);
    let added = destination("added", DestinationKind::Webhook, &receiver.url("/added"));
    outbox.reload(vec![changed, added]);
    let late = outbox.accept("enr_2", &["added", "removed"]).await;
    outbox.until_state(&late, "added", Delivered).await;
    let row = outbox.until_state(&event, "kept", Delivered).await;
    assert_eq!(row.attempts, 1);
    let row = outbox.until_state(&event, "removed", Held).await;
    assert!(
        row.last_error
            .expect("why")
            .contains("not in the configuration")
    );
    outbox.until_state(&late, "removed", Held).await;
    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn a_replay_of_what_is_on_the_wire_goes_after_it() {
    let receiver = receiver().await;
    receiver.answer_next("/hook", Reply::ok().after(Duration::from_millis(500)));
    let mut outbox = Outbox::new(Clock::system());
    let mut hook = destination("hook", DestinationKind::Webhook, &receiver.url("/hook"));
    hook.in_doubt = InDoubt::Hold;
    outbox.start(vec![hook]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    let first = receiver.wait_for(1).await[0].at;
    let (id, now) = (outbox.delivery(&event, "hook").await.id, outbox.clock.now());
    let replayed = outbox.store.write(move |tx| tx.replay_delivery(id, now));
    replayed.await.expect("replayed");
    let second = receiver.wait_for(2).await[1].at;
    assert!(second.since(first) >= Duration::from_millis(500));
    outbox.until_state(&event, "hook", Delivered).await;
}

#[tokio::test]
async fn a_test_of_a_sendpilot_destination_is_said_its_way() {
    let receiver = receiver().await;
    let mut outbox = Outbox::new(Clock::by_hand(START));
    outbox.start(vec![destination(
        "crm",
        DestinationKind::Sendpilot,
        &receiver.url("/crm"),
    )]);
    let test = outbox.test("crm").await;
    outbox.until_state(&test, "crm", Delivered).await;
    assert_eq!(receiver.received()[0].json()["eventType"], "webhook.test");
}
