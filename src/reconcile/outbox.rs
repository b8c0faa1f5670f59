//! What users do with deliveries and destinations. Sending them is the work of [`crate::tell`].

use super::Routine;
use crate::domain::delivery::DeliveryState;
use crate::domain::error::Error;
use crate::domain::event::{EventBody, EventType, TestData, event_id};
use crate::store::{BulkReplayStart, DeliveryFilter, DeliveryRow, NewEvent};

/// A test of a destination.
#[derive(Debug, Clone)]
pub struct TestEvent {
    /// A key that was never used. Draw it before the transaction.
    pub dedupe_key: String,
    /// The destination's name.
    pub destination: String,
    /// The workspace that the event names.
    pub workspace: String,
}

impl TestEvent {
    /// The id of the event.
    #[must_use]
    pub fn event_id(&self) -> String {
        event_id(&self.dedupe_key)
    }
}

impl Routine<'_> {
    /// Makes a `webhook.test` event for one destination. It goes out even while the destination is stopped. Returns its delivery.
    pub fn test_destination(&mut self, test: &TestEvent) -> Result<DeliveryRow, Error> {
        let data = TestData {
            destination: test.destination.clone(),
        };
        let body = EventBody::new(
            &test.dedupe_key,
            EventType::Test,
            self.now,
            test.workspace.clone(),
            data,
        );
        self.tx.make_event(&NewEvent {
            dedupe_key: &test.dedupe_key,
            event_type: EventType::Test,
            enrollment: None,
            body: &serde_json::to_string(&body)?,
            destinations: std::slice::from_ref(&test.destination),
            now: self.now,
        })?;
        let filter = DeliveryFilter {
            event: Some(test.event_id()),
            ..DeliveryFilter::default()
        };
        let made = self.tx.deliveries(&filter, 1)?.pop();
        made.ok_or_else(|| Error::Internal("a test event has no delivery".to_owned()))
    }

    /// Starts a destination again that its receiver stopped with a 410.
    pub fn start_destination(&mut self, name: &str) -> Result<(), Error> {
        self.tx.start_destination(name)?;
        Ok(())
    }

    /// Sends a delivery again, in whatever state it is. Returns it as it stands afterwards.
    ///
    /// [`Error::NotFound`] if there is no such delivery. [`Error::Conflict`] if its person was erased.
    pub fn replay_delivery(&mut self, id: i64) -> Result<DeliveryRow, Error> {
        self.tx.replay_delivery(id, self.now)?;
        self.tx
            .delivery(id)?
            .ok_or_else(|| Error::not_found("delivery", &id.to_string()))
    }

    /// Sends every delivery in a state again, of one destination or of all. Makes up to `limit` of them pending at once; the rest
    /// follows in steps.
    pub fn replay_deliveries(
        &mut self,
        state: DeliveryState,
        destination: Option<&str>,
        limit: usize,
    ) -> Result<BulkReplayStart, Error> {
        self.tx
            .start_bulk_replay(state, destination, self.now, limit)
    }
}
