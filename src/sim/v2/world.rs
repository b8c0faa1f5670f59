//! What people and LinkedIn do to accounts of API v2.

use std::time::Duration;

use super::deliver::fire;
use super::events::{Envelope, V2Event};
use super::state::{Conversation, Endpoint};
use crate::sim::Sim;

impl Sim {
    /// Connects an account to API v2 as well, under another id. Both APIs act on the same account.
    pub fn connect_v2(&self, account: &str, v2_id: &str) {
        let mut state = self.shared.lock();
        if let Some(of) = state.accounts.get_mut(account) {
            of.v2_id = Some(v2_id.to_owned());
            state
                .v2
                .accounts
                .insert(v2_id.to_owned(), account.to_owned());
        }
    }

    /// Removes an account from API v1. It stays connected to API v2, if it was.
    pub fn leave_v1(&self, account: &str) {
        if let Some(of) = self.shared.lock().accounts.get_mut(account) {
            of.on_v1 = false;
        }
    }

    /// Locks or unlocks an account of API v2, and sends the event.
    pub fn set_locked(&self, account: &str, locked: bool) {
        if let Some(of) = self.shared.lock().accounts.get_mut(account) {
            of.is_locked = locked;
        }
        let name = if locked {
            "account.locked"
        } else {
            "account.unlocked"
        };
        self.account_event(account, name);
    }

    /// Sends an event about an account of API v2, whatever state it is in.
    pub(in crate::sim) fn account_event(&self, account: &str, name: &str) {
        let event = {
            let mut state = self.shared.lock();
            let now = self.shared.clock.now();
            let envelope = Envelope {
                name: account,
                number: state.fresh(),
                now,
            };
            let payload = serde_json::json!({"timestamp": now.rfc3339()});
            state
                .accounts
                .get(account)
                .and_then(|of| envelope.around(of, name, payload))
        };
        if let Some(event) = event {
            fire(&self.shared, &self.http, &event, Duration::ZERO);
        }
    }

    /// The webhook endpoints of API v2.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.shared.lock().v2.endpoints.clone()
    }

    /// Adds an endpoint from behind the API.
    pub fn add_endpoint(&self, endpoint: Endpoint) {
        self.shared.lock().v2.endpoints.push(endpoint);
    }

    /// Sends every webhook, of both APIs, to another address from now on.
    pub fn move_webhooks(&self, url: &str) {
        let mut state = self.shared.lock();
        for endpoint in &mut state.v2.endpoints {
            url.clone_into(&mut endpoint.url);
        }
        for webhook in &mut state.webhooks {
            url.clone_into(&mut webhook.request_url);
        }
    }

    /// Changes an endpoint from behind the API, as a person would in the provider's dashboard.
    pub fn change_endpoint(&self, id: &str, change: impl FnOnce(&mut Endpoint)) {
        let mut state = self.shared.lock();
        if let Some(endpoint) = state.v2.endpoints.iter_mut().find(|one| one.id == id) {
            change(endpoint);
        }
    }

    /// The delivery log of API v2, oldest first.
    #[must_use]
    pub fn conversations(&self) -> Vec<Conversation> {
        self.shared.lock().v2.conversations.clone()
    }

    /// Sends an event of API v2, if the account is there and healthy.
    pub(in crate::sim) fn tell_v2(&self, event: Option<V2Event>, after: Duration) {
        let Some(event) = event else { return };
        let healthy = self
            .shared
            .lock()
            .accounts
            .get(&event.account)
            .is_some_and(|account| account.frozen_at.is_none());
        if healthy {
            fire(&self.shared, &self.http, &event, after);
        }
    }
}
