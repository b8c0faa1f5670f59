//! The checked configuration as plain structs, with every default filled in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::network::Network;
use super::secret::{Secret, SigningSecret};
use super::values::{ActiveHours, Rate};
use crate::domain::event::EventType;
use crate::domain::ids::{AccountId, CampaignId};
use crate::domain::provider::Provider;
use crate::domain::role::Role;
use crate::domain::secret_url::SecretUrl;

/// The whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Shown in events. Accounts without a workspace of their own belong to it.
    pub workspace_id: String,
    /// `[server]`
    pub server: Server,
    /// `[database]`
    pub database: Database,
    /// `[unipile]`
    pub unipile: Unipile,
    /// `[unipile_v2]`
    pub unipile_v2: UnipileV2,
    /// `[sendpilot]`
    pub sendpilot: Sendpilot,
    /// `[poll]`
    pub poll: Poll,
    /// `[steps]`
    pub steps: Steps,
    /// `[events]`
    pub events: Events,
    /// `[[token]]`, in the file's order; names and secrets are unique. `server.admin_token` is not among them.
    pub tokens: Vec<Token>,
    /// `[[account]]`, in the file's order; ids are unique.
    pub accounts: Vec<Account>,
    /// `[[destination]]`, in the file's order; names are unique.
    pub destinations: Vec<Destination>,
}

/// `[server]`
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Where to listen, unless systemd hands over a socket. Serves everything, or only webhooks if there is an `admin_listen`.
    pub listen: SocketAddr,
    /// Where the API, the dashboard, health and metrics are served, if that is not `listen`.
    pub admin_listen: Option<SocketAddr>,
    /// What providers can reach.
    pub public_url: Option<Url>,
    /// What people open in a browser.
    pub dashboard_url: Option<Url>,
    /// The token of the admin named `admin`. May be unset if there is a `[[token]]`, or in open mode.
    pub admin_token: Secret,
    /// If set, `/metrics` asks for it.
    pub metrics_token: Secret,
    /// The proxies whose `X-Forwarded-For` names the peer.
    pub trusted_proxies: Vec<Network>,
    /// Largest request body in bytes.
    pub max_body: usize,
}

impl Server {
    /// Returns the address of the API: `admin_listen`, or `listen` without one.
    #[must_use]
    pub fn api_listen(&self) -> SocketAddr {
        self.admin_listen.unwrap_or(self.listen)
    }
}

/// `[[token]]`: a bearer token with a name and a role.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Shown in the log and the audit trail.
    pub name: String,
    /// The secret, at least 16 characters.
    pub token: Secret,
    /// The role of a request with this token.
    pub role: Role,
}

/// `[database]`
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// The SQLite file, relative to the working directory.
    pub path: PathBuf,
    /// How long ledger rows of finished enrollments are kept.
    pub retain_signals: Duration,
}

/// `[unipile]`
#[derive(Debug, Clone, PartialEq)]
pub struct Unipile {
    /// Where calls go. `None`: webhook-only, nothing is polled.
    pub base_url: Option<Url>,
    /// The key those calls carry. Set whenever `base_url` is.
    pub api_key: Secret,
    /// The static header that registered webhooks carry.
    pub webhook_header: HeaderName,
    /// The value of that header.
    pub webhook_secret: Secret,
    /// Checks `unipile-signature` of API v2.
    pub signing_secret: Secret,
    /// The time limit of one call.
    pub timeout: Duration,
    /// Whether the first 400 characters of a reply go into its event.
    pub keep_message_text: bool,
}

/// `[unipile_v2]`
#[derive(Debug, Clone, PartialEq)]
pub struct UnipileV2 {
    /// Where calls of API v2 go. `None`: it is not called.
    pub base_url: Option<Url>,
    /// The key those calls carry. Set whenever `base_url` is.
    pub api_key: Secret,
    /// The file of signing secrets, one a line. `register` writes it, and webhooks are checked against every line.
    pub secret_file: Option<PathBuf>,
}

/// `[sendpilot]`
#[derive(Debug, Clone, PartialEq)]
pub struct Sendpilot {
    /// The key for reading the list of leads. Unset: the list is never read.
    pub api_key: Secret,
    /// Where the list is read.
    pub base_url: Option<Url>,
    /// How often the list is read.
    pub repair_every: Duration,
    /// The secrets that are valid now. None is empty.
    pub webhook_secrets: Vec<Secret>,
}

/// `[poll]`
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    /// The interval of the polls of an account.
    pub every: Duration,
    /// Each poll is delayed by a random part of this.
    pub jitter: Duration,
    /// Least time between two provider calls for one account.
    pub spacing: Duration,
    /// The random part that is added to the spacing.
    pub spacing_jitter: Duration,
    /// Provider calls per account and UTC day.
    pub daily_budget: u32,
    /// Relations asked for in one call.
    pub page_size: u32,
    /// How far before its creation the invite of an enrollment without `invitedAt` is expected.
    pub lookback: Duration,
    /// For an older invite no accept is expected any more.
    pub horizon: Duration,
    /// When accounts may be called; `None`: always.
    pub active_hours: Option<ActiveHours>,
    /// The time zone of `active_hours`, and of the days that `steps.account_daily_cap` counts.
    pub timezone: TimeZone,
}

/// `[steps]`
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// Next steps of one account on one day of its time zone, over all campaigns. `None`: no cap beyond the campaigns' own.
    pub account_daily_cap: Option<u32>,
}

/// `[events]`
#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// An accept that is older when it is detected is a backfill.
    pub announce_within: Duration,
}

/// `[[account]]`: the settings of one account. `None`: as under `[poll]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The provider's id of it.
    pub id: AccountId,
    /// Other ids of the same LinkedIn account.
    pub formerly: Vec<AccountId>,
    /// Its workspace; accounts that name the same one are siblings.
    pub workspace_id: Option<String>,
    /// Overrides what events say.
    pub provider: Option<Provider>,
    /// As under `[poll]`.
    pub spacing: Option<Duration>,
    /// As under `[poll]`.
    pub daily_budget: Option<u32>,
    /// As under `[poll]`; `Some(None)`: always.
    pub active_hours: Option<Option<ActiveHours>>,
    /// As under `[poll]`.
    pub timezone: Option<TimeZone>,
}

/// The effective settings of one account: its `[[account]]` entry over `[poll]`.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountSettings {
    /// Its workspace.
    pub workspace_id: String,
    /// Only if the file names one. Otherwise the events decide.
    pub provider: Option<Provider>,
    /// Least time between two provider calls.
    pub spacing: Duration,
    /// Provider calls per UTC day.
    pub daily_budget: u32,
    /// When it may be called; `None`: always.
    pub active_hours: Option<ActiveHours>,
    /// The time zone of `active_hours`.
    pub timezone: TimeZone,
}

/// What a destination expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Block Kit messages to an incoming webhook.
    Slack,
    /// Our events, signed by Standard Webhooks.
    Webhook,
    /// Accepts in SendPilot's own form.
    Sendpilot,
}

/// Whether a destination gets one kind of accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Yes.
    Include,
    /// No.
    Exclude,
}

/// What happens to a delivery in doubt: it is unknown whether it arrived (see docs/rules/deliveries.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InDoubt {
    /// It is held until a person decides.
    Hold,
    /// It is sent again with the same id.
    Resend,
}

/// `[[destination]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// Unique, no `/`, no control characters.
    pub name: String,
    /// What it expects.
    pub kind: Kind,
    /// Its URL, http or https.
    pub url: SecretUrl,
    /// Which events it gets; never empty.
    pub events: Vec<EventType>,
    /// Only events of these campaigns. Empty: of all.
    pub campaigns: Vec<CampaignId>,
    /// Only events of these accounts. Empty: of all.
    pub accounts: Vec<AccountId>,
    /// Only events of these workspaces. Empty: of all.
    pub workspaces: Vec<String>,
    /// Accepts of people who were connected before the invite.
    pub pre_connected: Wants,
    /// Accepts that were older than `events.announce_within` when they were detected.
    pub backfill: Wants,
    /// Its rate limit.
    pub rate: Rate,
    /// The most requests in flight.
    pub concurrency: usize,
    /// The time limit of one request.
    pub timeout: Duration,
    /// What happens to a delivery in doubt.
    pub in_doubt: InDoubt,
    /// Every one of them signs. Only for webhook and sendpilot.
    pub secrets: Vec<SigningSecret>,
    /// Extra headers, with values marked as sensitive. Only for webhook.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Kind {
    /// Returns its word in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Webhook => "webhook",
            Self::Sendpilot => "sendpilot",
        }
    }
}

impl Wants {
    /// Returns its word in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Exclude => "exclude",
        }
    }
}

impl InDoubt {
    /// Returns its word in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Resend => "resend",
        }
    }
}

impl Config {
    fn entry(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.iter().find(|a| a.id == *id)
    }

    /// Returns the effective settings of an account, whether the file names it or not.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> AccountSettings {
        let entry = self.entry(id);
        AccountSettings {
            workspace_id: entry
                .and_then(|a| a.workspace_id.clone())
                .unwrap_or_else(|| self.workspace_id.clone()),
            provider: entry.and_then(|a| a.provider),
            spacing: entry.and_then(|a| a.spacing).unwrap_or(self.poll.spacing),
            daily_budget: entry
                .and_then(|a| a.daily_budget)
                .unwrap_or(self.poll.daily_budget),
            active_hours: entry
                .and_then(|a| a.active_hours)
                .unwrap_or(self.poll.active_hours),
            timezone: entry
                .and_then(|a| a.timezone.clone())
                .unwrap_or_else(|| self.poll.timezone.clone()),
        }
    }

    /// Returns the sibling accounts: those whose entries name the same workspace as the entry of this one.
    #[must_use]
    pub fn siblings(&self, id: &AccountId) -> Vec<AccountId> {
        let Some(workspace) = self.entry(id).and_then(|a| a.workspace_id.as_ref()) else {
            return Vec::new();
        };
        self.accounts
            .iter()
            .filter(|a| a.id != *id && a.workspace_id.as_ref() == Some(workspace))
            .map(|a| a.id.clone())
            .collect()
    }
}
