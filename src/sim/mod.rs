//! A simulated Unipile and a receiver, used by the demo, by the tests and by anyone who wants to try acceptd without an account.
//!
//! It runs on a loopback listener, keeps to the provider's documented rules, really sends webhooks, and records every call.
//! In CI the provider's own published SDK talks to it and checks its bodies. Where the documentation is silent it does this:
//! an unknown or expired cursor is a 400 of type `errors/invalid_parameters`; an unknown member is a 422 of type
//! `errors/invalid_recipient`; while an account is not healthy, reads show what was there when it broke and nothing is sent
//! about it but its status.

mod accounts;
mod answer;
mod calls;
mod deliveries;
mod events;
mod faults;
pub mod ids;
mod invite;
mod profile;
pub mod receiver;
mod relations;
pub mod sendpilot;
mod server;
mod state;
pub mod v2;
mod webhooks;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use calls::{Call, TooClose, too_close};
pub use deliveries::{Delivery, DeliveryState, Webhook};
pub use faults::{Fault, Route, Rule};
pub use state::{CursorMode, Invite, Member, Settings};

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::http;
use events::{Event, Message};
use server::Shared;
use state::{Account, Connection, State};
use v2::Envelope;

/// How long a receiver has to answer a webhook.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// A simulated Unipile. It answers until it is dropped.
pub struct Sim {
    shared: Shared,
    http: reqwest::Client,
    addr: SocketAddr,
    server: AbortHandle,
}

impl Sim {
    /// Starts one on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound, or TLS can't be set up for its webhooks.
    pub async fn start(clock: Clock, settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::on(listener, clock, settings)
    }

    /// Starts one on a listener.
    ///
    /// # Errors
    /// When the listener has no address, or TLS can't be set up for its webhooks.
    pub fn on(listener: TcpListener, clock: Clock, settings: Settings) -> std::io::Result<Self> {
        let addr = listener.local_addr()?;
        let http = http::client(WEBHOOK_TIMEOUT).map_err(std::io::Error::other)?;
        let mut state = State::default();
        state.settings = settings;
        // Somebody may well be called that: `/users/connections` answers a profile, not a list.
        state.add_member(Member {
            slug: "connections".to_owned(),
            ..Member::made_up(1)
        });
        let shared = Shared {
            state: Arc::new(Mutex::new(state)),
            clock,
        };
        let router = Router::new().fallback({
            let shared = shared.clone();
            move |request: Request| server::serve(shared.clone(), request)
        });
        let server = tokio::spawn(async move {
            // It ends only when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            shared,
            http,
            addr,
            server: server.abort_handle(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What `unipile.base_url` has to be.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Changes how it behaves from now on.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.lock().settings);
    }

    /// Connects an account, owned by `owner`.
    pub fn add_account(&self, account: &str, owner: Member) {
        let mut state = self.shared.lock();
        state.add_member(owner.clone());
        state
            .accounts
            .insert(account.to_owned(), Account::new(owner));
    }

    /// Makes a member known, and returns the number.
    pub fn add_member(&self, member: Member) -> u64 {
        let number = member.number;
        self.shared.lock().add_member(member);
        number
    }

    /// Connections that were there before anything began; no webhook is sent. The list stays newest first.
    pub fn add_connections(
        &self,
        account: &str,
        members: impl IntoIterator<Item = (Member, Timestamp)>,
    ) {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        for (member, created_at) in members {
            if let Some(account) = state.accounts.get_mut(account) {
                account.connections.push(Connection {
                    member: member.number,
                    created_at,
                    shown_at: created_at,
                });
            }
            state.add_member(member);
        }
        if let Some(account) = state.accounts.get_mut(account) {
            account
                .connections
                .sort_by_key(|connection| std::cmp::Reverse(connection.created_at));
        }
    }

    /// Sends an invite as somebody in front of the screen would: not through the API.
    pub fn invite(&self, account: &str, member: u64, note: Option<&str>) {
        let mut state = self.shared.lock();
        let invite = Invite {
            id: format!("7{:018}", state.fresh()),
            sent_at: self.shared.clock.now(),
            note: note.map(str::to_owned),
        };
        if let Some(account) = state.accounts.get_mut(account) {
            account.invites.insert(member, invite);
        }
    }

    /// The pending invite of an account to a member.
    #[must_use]
    pub fn pending_invite(&self, account: &str, member: u64) -> Option<Invite> {
        let state = self.shared.lock();
        state.accounts.get(account)?.invites.get(&member).cloned()
    }

    /// The member accepts: the connection comes first in the list, with `at` as its time; a note opens the chat at once and
    /// is sent as a message; `new_relation` is sent when the provider finds out.
    pub fn accept(&self, account: &str, member: u64, at: Timestamp) {
        let (note, note_v2, relation, relation_v2, after) = {
            let mut guard = self.shared.lock();
            let state = &mut *guard;
            let (number, relation_number) = (state.fresh(), state.fresh());
            let (Some(of), Some(person)) =
                (state.accounts.get_mut(account), state.members.get(&member))
            else {
                return;
            };
            let invite = of.invites.remove(&member);
            of.connections
                .retain(|connection| connection.member != member);
            of.connections.insert(
                0,
                Connection {
                    member,
                    created_at: at,
                    shown_at: self.shared.clock.now(),
                },
            );
            let note = invite.and_then(|invite| invite.note);
            let envelope = |number| Envelope {
                name: account,
                number,
                now: self.shared.clock.now(),
            };
            let note_v2 = note.as_ref().and_then(|note| {
                let message = Message {
                    text: note,
                    at,
                    message_type: "INVITATION",
                    chat_content_type: None,
                    own: true,
                    number,
                };
                envelope(number).message_new(of, person, &message)
            });
            let note = note.map(|note| {
                let message = Message {
                    text: &note,
                    at,
                    message_type: "INVITATION",
                    chat_content_type: None,
                    own: true,
                    number,
                };
                events::message_received(account, of, person, &message)
            });
            let relation_v2 = envelope(relation_number).relation_new(of, person, at);
            let relation = events::new_relation(account, person);
            let after = state.settings.relation_webhook_after;
            (note, note_v2, relation, relation_v2, after)
        };
        if let Some(note) = note {
            self.tell(&note, Duration::ZERO);
        }
        self.tell_v2(note_v2, Duration::ZERO);
        self.tell(&relation, after);
        self.tell_v2(relation_v2, after);
    }

    /// The account withdraws its pending invite, or it expires.
    pub fn withdraw(&self, account: &str, member: u64) {
        if let Some(account) = self.shared.lock().accounts.get_mut(account) {
            account.invites.remove(&member);
        }
    }

    /// The connection is removed by one of the two.
    pub fn disconnect(&self, account: &str, member: u64) {
        if let Some(account) = self.shared.lock().accounts.get_mut(account) {
            account
                .connections
                .retain(|connection| connection.member != member);
        }
    }

    /// The member writes to the account.
    pub fn reply(&self, account: &str, member: u64, text: &str) {
        self.message(account, member, text, "MESSAGE", None, false);
    }

    /// A message of any kind between the two; `own` when the account wrote it.
    pub fn message(
        &self,
        account: &str,
        member: u64,
        text: &str,
        message_type: &str,
        chat_content_type: Option<&str>,
        own: bool,
    ) {
        let (event, event_v2) = {
            let mut state = self.shared.lock();
            let message = Message {
                text,
                at: self.shared.clock.now(),
                message_type,
                chat_content_type,
                own,
                number: state.fresh(),
            };
            let (Some(of), Some(person)) =
                (state.accounts.get(account), state.members.get(&member))
            else {
                return;
            };
            let envelope = Envelope {
                name: account,
                number: message.number,
                now: message.at,
            };
            let event_v2 = envelope.message_new(of, person, &message);
            let event = events::message_received(account, of, person, &message);
            (event, event_v2)
        };
        self.tell(&event, Duration::ZERO);
        self.tell_v2(event_v2, Duration::ZERO);
    }

    /// The account's status changes, which is told. Until it is healthy again, reads show what was there at this moment and
    /// nothing else is told.
    pub fn set_status(&self, account: &str, message: &str) {
        {
            let mut state = self.shared.lock();
            let Some(of) = state.accounts.get_mut(account) else {
                return;
            };
            match message {
                "OK" | "RECONNECTED" | "CREATION_SUCCESS" | "SYNC_SUCCESS" => {
                    "OK".clone_into(&mut of.status);
                    of.frozen_at = None;
                }
                "CONNECTING" => {}
                _ => {
                    message.clone_into(&mut of.status);
                    of.frozen_at.get_or_insert(self.shared.clock.now());
                }
            }
        }
        let event = events::account_status(account, message);
        deliveries::fire(&self.shared, &self.http, &event, Duration::ZERO);
        let name = match message {
            "OK" | "RECONNECTED" | "CREATION_SUCCESS" | "SYNC_SUCCESS" => "account.status.running",
            "CONNECTING" => return,
            "ERROR" => "account.status.errored",
            _ => "account.status.disconnected",
        };
        self.account_event(account, name);
    }

    /// While on, no webhook arrives: what is told meanwhile is lost.
    pub fn drop_webhooks(&self, on: bool) {
        self.shared.lock().drop_webhooks = on;
    }

    /// Puts a fault in force, after those that are.
    pub fn inject(&self, rule: Rule) {
        self.shared.lock().faults.0.push(rule);
    }

    /// Ends every fault.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.0.clear();
    }

    /// Every call so far, in the order they came, without the readings of account lists: those come at times of their own.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let all = self.shared.lock().calls.0.clone();
        all.into_iter()
            .filter(|call| !call.reads_accounts())
            .collect()
    }

    /// Every reading of an account list so far.
    #[must_use]
    pub fn account_list_calls(&self) -> Vec<Call> {
        let all = self.shared.lock().calls.0.clone();
        all.into_iter().filter(Call::reads_accounts).collect()
    }

    /// Calls of one account that were closer than `spacing`.
    #[must_use]
    pub fn violations(&self, spacing: Duration) -> Vec<TooClose> {
        too_close(&self.shared.lock().calls.0, spacing)
    }

    /// Every webhook that was due so far.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.lock().deliveries.clone()
    }

    /// How many webhooks were sent and not answered yet.
    #[must_use]
    pub fn webhooks_on_the_wire(&self) -> usize {
        self.shared.lock().on_the_wire
    }

    /// How many calls a fault keeps waiting.
    #[must_use]
    pub fn held_calls(&self) -> usize {
        self.shared.lock().held
    }

    /// The registered webhooks.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Webhook> {
        self.shared.lock().webhooks.clone()
    }

    /// Registers a webhook from behind the API, as a person would in the provider's dashboard.
    pub fn add_webhook(&self, webhook: Webhook) {
        self.shared.lock().webhooks.push(webhook);
    }

    fn tell(&self, event: &Event, after: Duration) {
        let healthy = self
            .shared
            .lock()
            .accounts
            .get(&event.account)
            .is_some_and(|account| account.frozen_at.is_none() && account.on_v1);
        if healthy {
            deliveries::fire(&self.shared, &self.http, event, after);
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.server.abort();
    }
}
