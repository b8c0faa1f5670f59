//! Every rule of `docs/rules/deliveries.md` for one delivery, through real sockets.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState::{Dead, Delivered, Pending};
use acceptd::domain::time::Timestamp;
use acceptd::sim::receiver::{Receiver, Reply};
use acceptd::tell::retry::SCHEDULE;
use acceptd::tell::sign::SigningSecret;
use acceptd::tell::{DestinationKind, RateLimit};
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderName, HeaderValue};

use crate::tell_support::{Outbox, START, destination};

async fn receiver() -> Receiver {
    Receiver::start(Clock::system()).await.expect("a receiver")
}

#[tokio::test]
async fn a_webhook_gets_the_stored_body_signed_by_every_secret() {
    let receiver = receiver().await;
    let mut outbox = Outbox::new(Clock::system());
    let mut hook = destination("hook", DestinationKind::Webhook, &receiver.url("/hook"));
    let keys = [b"first secret of 24 bytes".to_vec(), b"second".to_vec()];
    hook.secrets = keys
        .iter()
        .map(|key| base64::prelude::BASE64_STANDARD.encode(key))
        .map(|text| SigningSecret::parse(&format!("whsec_{text}")).expect("a secret"))
        .collect();
    hook.headers = vec![(
        HeaderName::from_static("x-team"),
        HeaderValue::from_static("sales"),
    )];
    outbox.start(vec![hook]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    let row = outbox.until_state(&event, "hook", Delivered).await;
    assert_eq!((row.attempts, row.last_status), (1, Some(200)));
    assert!(row.delivered_at.is_some() && row.last_error.is_none());

    let [got] = receiver.received().try_into().expect("one request");
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.header("x-team"), Some("sales"));
    assert_eq!(got.header("webhook-id"), Some(event.as_str()));
    let stamp = got.header("webhook-timestamp").expect("a timestamp");
    let age = Clock::system().now().0 / 1000 - stamp.parse::<i64>().expect("seconds");
    assert!((0..5).contains(&age));
    let want: Vec<_> = keys
        .iter()
        .map(|key| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any length");
            mac.update(format!("{event}.{stamp}.").as_bytes());
            mac.update(&got.body);
            let sum = mac.finalize().into_bytes();
            format!("v1,{}", base64::prelude::BASE64_STANDARD.encode(sum))
        })
        .collect();
    assert_eq!(
        got.header("webhook-signature"),
        Some(want.join(" ").as_str())
    );
    let body = got.json();
    assert_eq!(body["id"], event.as_str());
    assert_eq!(
        body["data"]["prospect"]["headline"],
        serde_json::Value::Null
    );
    outbox.drain().await;
}

#[tokio::test]
async fn without_secrets_the_id_and_timestamp_are_still_sent() {
    let receiver = receiver().await;
    let mut outbox = Outbox::new(Clock::system());
    outbox.start(vec![destination(
        "hook",
        DestinationKind::Webhook,
        &receiver.url("/hook"),
    )]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    outbox.until_state(&event, "hook", Delivered).await;
    let got = &receiver.received()[0];
    assert_eq!(got.header("webhook-id"), Some(event.as_str()));
    assert!(got.header("webhook-timestamp").is_some());
    assert!(got.header("webhook-signature").is_none());
}

#[tokio::test]
async fn a_sendpilot_destination_speaks_as_sendpilot_does() {
    let receiver = receiver().await;
    let mut outbox = Outbox::new(Clock::by_hand(START));
    outbox.start(vec![destination(
        "crm",
        DestinationKind::Sendpilot,
        &receiver.url("/crm"),
    )]);
    let event = outbox.accept("lead_9", &["crm"]).await;
    outbox.until_state(&event, "crm", Delivered).await;
    let got = &receiver.received()[0];
    assert_eq!(got.header("webhook-id"), Some(event.as_str()));
    let sample: serde_json::Value = serde_json::from_str(include_str!(
        "../data/samples/sendpilot_connection_accepted.json"
    ))
    .expect("JSON");
    let mut want = sample.clone();
    want["eventId"] = event.as_str().into();
    want["timestamp"] = START.to_string().into();
    want["data"]["senderId"] = "acc_1".into();
    want["data"]["acceptedAt"] = START.to_string().into();
    assert_eq!(got.json(), want);
}

#[tokio::test]
async fn failures_come_back_on_the_schedule_with_one_id_and_then_die() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::status(500, "not today"));
    let clock = Clock::by_hand(START);
    let mut outbox = Outbox::new(clock.clone());
    outbox.start(vec![destination(
        "hook",
        DestinationKind::Webhook,
        &receiver.url("/hook"),
    )]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    for (made, wait) in (1_u32..).zip(SCHEDULE) {
        let row = outbox.until_tried(&event, "hook", made).await;
        assert_eq!(
            (row.state, row.attempts, row.last_status),
            (Pending, made, Some(500))
        );
        assert_eq!(
            row.last_error.as_deref(),
            Some("the receiver answered 500: not today")
        );
        let due = row.next_attempt_at.expect("due");
        let waits = due.since(clock.now());
        assert!(waits >= wait && waits <= wait.mul_f64(1.1), "{waits:?}");
        clock.set(due.minus(Duration::from_millis(1)));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(receiver.received().len(), made as usize);
        clock.set(due);
    }
    let row = outbox.until_state(&event, "hook", Dead).await;
    assert_eq!(row.attempts, 10);
    assert_eq!(
        row.last_error.as_deref(),
        Some("Given up after 10 attempts: the receiver answered 500: not today")
    );
    let all = receiver.received();
    assert_eq!(all.len(), 10);
    assert!(
        all.iter()
            .all(|got| got.header("webhook-id") == Some(event.as_str()))
    );
    let mut stamps: Vec<_> = all
        .iter()
        .map(|got| got.header("webhook-timestamp"))
        .collect();
    stamps.dedup();
    assert_eq!(stamps.len(), 10, "every attempt has its own timestamp");
}

#[tokio::test]
async fn retry_after_is_followed_to_the_millisecond_and_counts() {
    let receiver = receiver().await;
    let clock = Clock::by_hand(START);
    let mut outbox = Outbox::new(clock.clone());
    receiver.answer_next("/hook", Reply::status(429, "").retry_after("77"));
    receiver.answer_next(
        "/hook",
        Reply::status(503, "").retry_after("Sat, 02 May 2026 16:00:00 GMT"),
    );
    receiver.answer_next("/hook", Reply::status(429, "").retry_after("9999999"));
    receiver.answer_next("/hook", Reply::status(500, "").retry_after("1"));
    outbox.start(vec![destination(
        "hook",
        DestinationKind::Webhook,
        &receiver.url("/hook"),
    )]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    let day = Duration::from_secs(86_400);
    let wants = [
        START.plus(Duration::from_secs(77)),
        Timestamp::parse("2026-05-02T16:00:00Z").expect("a time"),
        Timestamp::parse("2026-05-03T16:00:00Z").expect("a time"),
    ];
    for (made, want) in (1_u32..).zip(wants) {
        let row = outbox.until_tried(&event, "hook", made).await;
        assert_eq!(row.next_attempt_at, Some(want));
        clock.set(want);
    }
    // Only 429 and 503 may ask; the fourth wait is that of the schedule.
    let row = outbox.until_tried(&event, "hook", 4).await;
    let waits = row.next_attempt_at.expect("due").since(clock.now());
    assert!(waits >= SCHEDULE[3] && waits <= day, "{waits:?}");
    clock.advance(waits);
    outbox.until_state(&event, "hook", Delivered).await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let receiver = receiver().await;
    receiver.answer("/hook", Reply::status(307, "").location("/other"));
    let mut outbox = Outbox::new(Clock::by_hand(START));
    outbox.start(vec![destination(
        "hook",
        DestinationKind::Webhook,
        &receiver.url("/hook"),
    )]);
    let event = outbox.accept("enr_1", &["hook"]).await;
    let row = outbox.until_tried(&event, "hook", 1).await;
    assert_eq!((row.state, row.last_status), (Pending, Some(307)));
    assert!(receiver.received_at("/other").is_empty());
}

#[tokio::test]
async fn slack_says_ok_or_it_is_not_ok() {
    for (reply, state, error) in [
        (Reply::ok(), Delivered, None),
        (
            Reply::status(200, "no"),
            Pending,
            Some("Slack answered 200 but not \"ok\": no"),
        ),
        (
            Reply::status(404, "no_service"),
            Dead,
            Some("Slack refuses it permanently: no_service (status 404)"),
        ),
        (
            Reply::status(410, "channel_is_archived"),
            Dead,
            Some("Slack refuses it permanently: channel_is_archived (status 410)"),
        ),
        (
            Reply::status(500, "oops"),
            Pending,
            Some("the receiver answered 500: oops"),
        ),
    ] {
        let receiver = receiver().await;
        receiver.answer("/services/T0/B0/xyzxyzxyz", reply.clone());
        let mut outbox = Outbox::new(Clock::by_hand(START));
        let url = receiver.url("/services/T0/B0/xyzxyzxyz");
        outbox.start(vec![destination("slack", DestinationKind::Slack, &url)]);
        let event = outbox.accept("enr_1", &["slack"]).await;
        let row = outbox.until_tried(&event, "slack", 1).await;
        assert_eq!(
            (row.state, row.last_error.as_deref()),
            (state, error),
            "{reply:?}"
        );
        let got = receiver.received();
        assert_eq!(got.len(), 1);
        assert!(got[0].header("webhook-id").is_none());
        assert!(
            got[0].json()["text"]
                .as_str()
                .expect("a text")
                .contains("Tomás Brandt")
        );
    }
}

#[tokio::test]
async fn what_a_receiver_repeats_of_its_address_is_not_kept() {
    let receiver = receiver().await;
    receiver.answer(
        "/hooks/catch/12345678/abcdefgh",
        Reply::status(
            404,
            "Cannot POST /hooks/catch/12345678/abcdefgh?token=opensesame",
        ),
    );
    let url = receiver.url("/hooks/catch/12345678/abcdefgh?token=opensesame");
    let mut outbox = Outbox::new(Clock::by_hand(START));
    outbox.start(vec![destination("zap", DestinationKind::Webhook, &url)]);
    let event = outbox.accept("enr_1", &["zap"]).await;
    let row = outbox.until_tried(&event, "zap", 1).await;
    assert_eq!(
        row.last_error.as_deref(),
        Some("the receiver answered 404: Cannot POST [redacted]?[redacted]")
    );
}

#[tokio::test]
async fn the_rate_of_a_destination_is_kept() {
    let receiver = receiver().await;
    let mut outbox = Outbox::new(Clock::system());
    let mut hook = destination("hook", DestinationKind::Webhook, &receiver.url("/hook"));
    hook.rate = RateLimit {
        count: NonZeroU32::new(20).expect("not zero"),
        per: Duration::from_secs(1),
    };
    let begun = Instant::now();
    outbox.start(vec![hook]);
    for n in 0..11 {
        outbox.accept(&format!("enr_{n}"), &["hook"]).await;
    }
    receiver.wait_for(11).await;
    assert!(begun.elapsed() >= Duration::from_millis(500));
}
