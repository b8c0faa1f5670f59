//! What the simulated provider knows: members, accounts, their connections and invites, registered webhooks.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::calls::CallLog;
use super::deliveries::{Delivery, Webhook};
use super::faults::Faults;
use super::ids;
use super::v2::{DEFAULT_EVENTS, ListOrder, V2State};
use crate::domain::time::Timestamp;

/// A LinkedIn member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member number; every id of the member is made from it.
    pub number: u64,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Headline.
    pub headline: String,
    /// Public identifier.
    pub slug: String,
}

impl Member {
    /// A member with a plausible name, the same for the same number every time.
    #[must_use]
    pub fn made_up(number: u64) -> Self {
        const FIRST: [&str; 8] = [
            "Mira", "Jonas", "Aylin", "Tom", "Inés", "Radek", "Sunita", "Léo",
        ];
        const LAST: [&str; 7] = [
            "Halvorsen",
            "Okafor",
            "Brandt",
            "Marchetti",
            "Nguyen",
            "Silva",
            "Kowalski",
        ];
        const WORK: [&str; 5] = ["Head of Ops", "Founder", "VP Sales", "CTO", "Buyer"];
        let pick = |list: &[&'static str], of: u64| {
            list[usize::try_from(of % list.len() as u64).unwrap_or_default()]
        };
        let (first, last) = (pick(&FIRST, number), pick(&LAST, number / 8));
        Self {
            number,
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            headline: format!("{} at Company {}", pick(&WORK, number / 56), number % 1_000),
            slug: format!("{}-{}-{number}", first, last).to_lowercase(),
        }
    }

    /// The profile id, `ACo…`.
    #[must_use]
    pub fn provider_id(&self) -> String {
        ids::profile_id(self.number)
    }

    /// The address of the profile.
    #[must_use]
    pub fn profile_url(&self) -> String {
        format!("https://www.linkedin.com/in/{}/", self.slug)
    }

    /// Both names.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

/// A connection of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Connection {
    pub member: u64,
    /// Since when, as the list says it.
    pub created_at: Timestamp,
    /// Since when the provider shows it.
    pub shown_at: Timestamp,
}

/// An invite that was sent and not yet accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The provider's id of it.
    pub id: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The note that went with it.
    pub note: Option<String>,
}

/// A connected LinkedIn account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub owner: Member,
    /// Newest first.
    pub connections: Vec<Connection>,
    pub invites: HashMap<u64, Invite>,
    pub status: String,
    /// While the account is not healthy, nothing that came after this is shown.
    pub frozen_at: Option<Timestamp>,
    /// Whether API v1 knows the account.
    pub on_v1: bool,
    /// The account's id in API v2, if it is connected there.
    pub v2_id: Option<String>,
    /// Whether API v2 has locked the account.
    pub is_locked: bool,
}

impl Account {
    pub fn new(owner: Member) -> Self {
        Self {
            owner,
            connections: Vec::new(),
            invites: HashMap::new(),
            status: "OK".to_owned(),
            frozen_at: None,
            on_v1: true,
            v2_id: None,
            is_locked: false,
        }
    }

    /// What a read shows: everything, or what was there when the account broke.
    pub fn shown(&self) -> impl Iterator<Item = &Connection> {
        let until = self.frozen_at.unwrap_or(Timestamp(i64::MAX));
        self.connections
            .iter()
            .filter(move |connection| connection.shown_at <= until)
    }

    pub fn is_connected(&self, member: u64) -> bool {
        self.shown().any(|connection| connection.member == member)
    }
}

/// What a cursor of the relations list stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CursorMode {
    /// A number of items to skip, as the real provider's cursors do: a relation that is added between two pages moves every
    /// later one by a place.
    #[default]
    Offset,
    /// The last relation of the page before: pages don't move.
    Key,
}

/// How the provider behaves where it is free to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The key that requests have to carry.
    pub api_key: String,
    /// The key that requests to API v2 have to carry.
    pub api_key_v2: String,
    /// How long API v2 answers from its cache.
    pub v2_cache_life: Duration,
    /// Whether API v2 answers from its cache although a request says not to.
    pub v2_ignores_cache_control: bool,
    /// The order of the relations list of API v2.
    pub v2_order: ListOrder,
    /// Whether API v2 says how many invitations are pending.
    pub v2_total_count: bool,
    /// The event names that endpoints of API v2 may ask for.
    pub v2_events: Vec<String>,
    /// What cursors stand for.
    pub cursor_mode: CursorMode,
    /// How long a cursor is taken.
    pub cursor_life: Option<Duration>,
    /// Whether profiles answer a 301 to their path with a slash first.
    pub redirect_profiles: bool,
    /// How long after an accept `new_relation` is sent: the provider finds out by polling.
    pub relation_webhook_after: Duration,
    /// How long after an answer other than 200 a webhook is sent again, in order; then never.
    pub webhook_retries: Vec<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_key: "simulated-key".to_owned(),
            api_key_v2: "simulated-key-v2".to_owned(),
            v2_cache_life: Duration::from_secs(3_600),
            v2_ignores_cache_control: false,
            v2_order: ListOrder::default(),
            v2_total_count: true,
            v2_events: DEFAULT_EVENTS.iter().map(|&name| name.to_owned()).collect(),
            cursor_mode: CursorMode::default(),
            cursor_life: None,
            redirect_profiles: false,
            relation_webhook_after: Duration::ZERO,
            webhook_retries: [10, 60, 300, 1_800, 7_200]
                .map(Duration::from_secs)
                .to_vec(),
        }
    }
}

/// Everything, behind one lock.
#[derive(Default)]
pub(super) struct State {
    pub settings: Settings,
    pub members: HashMap<u64, Member>,
    /// Member numbers by provider id and by public identifier.
    by_name: HashMap<String, u64>,
    pub accounts: BTreeMap<String, Account>,
    pub webhooks: Vec<Webhook>,
    pub deliveries: Vec<Delivery>,
    pub drop_webhooks: bool,
    /// Webhooks that were sent and not answered yet.
    pub on_the_wire: usize,
    /// Calls that are kept waiting on purpose.
    pub held: usize,
    pub v2: V2State,
    pub faults: Faults,
    pub calls: CallLog,
    next_id: u64,
}

impl State {
    /// A number that was not given out before.
    pub fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Makes a member known.
    pub fn add_member(&mut self, member: Member) {
        self.by_name.insert(member.provider_id(), member.number);
        self.by_name.insert(member.slug.clone(), member.number);
        self.members.insert(member.number, member);
    }

    /// The member with a provider id or a public identifier.
    pub fn member(&self, identifier: &str) -> Option<&Member> {
        let number = self
            .by_name
            .get(identifier)
            .or_else(|| self.by_name.get(&identifier.to_lowercase()))?;
        self.members.get(number)
    }
}
