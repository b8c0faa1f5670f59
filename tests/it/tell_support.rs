//! Shared by the tests of deliveries: one event, a receiver, a dispatcher.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acceptd::clock::Clock;
use acceptd::domain::delivery::DeliveryState;
use acceptd::domain::event::{EventBody, EventType, InviteData, Prospect, TestData, accept_key};
use acceptd::domain::ids::{AccountId, CampaignId, EnrollmentId};
use acceptd::domain::secret_url::SecretUrl;
use acceptd::domain::signal::{Path, Precision, Source};
use acceptd::domain::time::Timestamp;
use acceptd::store::{DeliveryFilter, DeliveryRow, NewEvent, NoObserver, Store};
use acceptd::tell::{
    DeliveryObserver, Destination, DestinationKind, Dispatcher, InDoubt, RateLimit, Reload,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a test waits for what should happen at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The time at which every hand-moved clock starts.
pub const START: Timestamp = Timestamp(1_777_734_846_000);

/// A destination of this kind with its defaults, but a rate that no test waits for.
pub fn destination(name: &str, kind: DestinationKind, url: &str) -> Destination {
    Destination {
        name: name.to_owned(),
        kind,
        url: SecretUrl::parse(url).expect("a url"),
        rate: RateLimit {
            count: NonZeroU32::new(1000).expect("not zero"),
            per: Duration::from_secs(1),
        },
        concurrency: NonZeroU32::new(if kind == DestinationKind::Slack { 1 } else { 4 })
            .expect("not zero"),
        timeout: Duration::from_secs(15),
        in_doubt: if kind == DestinationKind::Slack {
            InDoubt::Hold
        } else {
            InDoubt::Resend
        },
        secrets: vec![],
        headers: vec![],
    }
}

/// Counts attempts by their result.
#[derive(Default)]
pub struct Counts(Mutex<Vec<&'static str>>);

impl Counts {
    /// The results so far, in order.
    pub fn results(&self) -> Vec<&'static str> {
        self.0.lock().expect("not poisoned").clone()
    }
}

impl DeliveryObserver for Counts {
    fn attempted(&self, _destination: &str, _event: EventType, result: &'static str) {
        self.0.lock().expect("not poisoned").push(result);
    }
}

/// A database in its own folder, and at most one dispatcher on it.
pub struct Outbox {
    pub store: Store,
    pub clock: Clock,
    pub counts: Arc<Counts>,
    _folder: tempfile::TempDir,
    running: Option<(CancellationToken, JoinHandle<()>, Reload)>,
}

impl Outbox {
    /// An empty one, on this clock.
    pub fn new(clock: Clock) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("acceptd.db");
        let store = Store::open(&path, Arc::new(NoObserver)).expect("a database");
        Self {
            store,
            clock,
            counts: Arc::default(),
            _folder: folder,
            running: None,
        }
    }

    /// Starts a dispatcher.
    pub fn start(&mut self, destinations: Vec<Destination>) {
        let (dispatcher, reload) = Dispatcher::new(
            self.store.clone(),
            self.clock.clone(),
            destinations,
            self.counts.clone(),
        );
        let stop = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(stop.clone()));
        self.running = Some((stop, task, reload));
    }

    /// Other destinations from now on.
    pub fn reload(&self, destinations: Vec<Destination>) {
        self.running.as_ref().expect("running").2.set(destinations);
    }

    /// Tells the dispatcher to stop and waits until it has.
    pub async fn drain(&mut self) {
        let (stop, task, _) = self.running.take().expect("running");
        stop.cancel();
        task.await.expect("no panic");
    }

    /// Makes an accept of this enrollment for these destinations. Returns the event's id.
    pub async fn accept(&self, enrollment: &str, destinations: &[&str]) -> String {
        let account = AccountId::parse("acc_1").expect("an id");
        let enrollment = EnrollmentId::parse(enrollment).expect("an id");
        let key = accept_key(&account, &enrollment);
        let now = self.clock.now();
        let data = InviteData {
            dedupe_key: key.clone(),
            enrollment_id: enrollment.clone(),
            linkedin_account_id: account,
            campaign_id: CampaignId::parse("camp_1").expect("an id"),
            campaign_name: Some("Founders Q2".to_owned()),
            prospect: Prospect {
                name: Some("Tomás Brandt".to_owned()),
                linkedin_url: Some("https://www.linkedin.com/in/tomas-brandt".to_owned()),
                ..Prospect::default()
            },
            invited_at: Some(now.minus(Duration::from_secs(86_400))),
            accepted_at: Some(now),
            accepted_at_precision: Some(Precision::Exact),
            detected_at: Some(now),
            seconds_to_accept: Some(86_400),
            source: Some(Source::Webhook),
            path: Some(Path::Bridge),
            via_sibling: false,
            pre_connected: false,
            late: false,
            backfill: false,
            replied_at: None,
            next_step_at: None,
            message_preview: None,
        };
        let event = EventBody::new(
            &key,
            EventType::InviteAccepted,
            now,
            "ws_default".to_owned(),
            data,
        );
        let body = serde_json::to_string(&event).expect("JSON");
        self.make(key, EventType::InviteAccepted, body, destinations)
            .await;
        event.id
    }

    /// Makes a test of this destination. Returns the event's id.
    pub async fn test(&self, destination: &str) -> String {
        let key = format!("webhook-test:{}", uuid::Uuid::new_v4());
        let event = EventBody::new(
            &key,
            EventType::Test,
            self.clock.now(),
            "ws_default".to_owned(),
            TestData {
                destination: destination.to_owned(),
            },
        );
        let body = serde_json::to_string(&event).expect("JSON");
        self.make(key, EventType::Test, body, &[destination]).await;
        event.id
    }

    async fn make(&self, key: String, event_type: EventType, body: String, to: &[&str]) {
        let to: Vec<_> = to.iter().map(ToString::to_string).collect();
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                tx.make_event(&NewEvent {
                    dedupe_key: &key,
                    event_type,
                    enrollment: None,
                    body: &body,
                    destinations: &to,
                    now,
                })
            })
            .await
            .expect("stored");
    }

    /// The one delivery of an event to a destination.
    pub async fn delivery(&self, event: &str, destination: &str) -> DeliveryRow {
        let filter = DeliveryFilter {
            destination: Some(destination.to_owned()),
            event: Some(event.to_owned()),
            ..DeliveryFilter::default()
        };
        self.store
            .read(move |reader| reader.deliveries(&filter, 2))
            .await
            .expect("read")
            .into_iter()
            .next()
            .expect("a delivery")
    }

    /// Waits until the delivery is as it should be.
    pub async fn until(
        &self,
        event: &str,
        destination: &str,
        good: impl Fn(&DeliveryRow) -> bool,
    ) -> DeliveryRow {
        let mut commits = self.store.commits();
        let wait = async {
            loop {
                commits.borrow_and_update();
                let row = self.delivery(event, destination).await;
                if good(&row) {
                    return row;
                }
                commits.changed().await.expect("a store");
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(row) => row,
            Err(_) => panic!(
                "it stayed {:?}; so far {:?}",
                self.delivery(event, destination).await,
                self.counts.results()
            ),
        }
    }

    /// Waits until the delivery has this state.
    pub async fn until_state(
        &self,
        event: &str,
        destination: &str,
        state: DeliveryState,
    ) -> DeliveryRow {
        self.until(event, destination, |row| row.state == state)
            .await
    }

    /// Waits until the attempts have been made and their results are settled.
    pub async fn until_tried(&self, event: &str, destination: &str, attempts: u32) -> DeliveryRow {
        self.until(event, destination, |row| {
            row.attempts >= attempts && row.state != DeliveryState::Sending
        })
        .await
    }
}
