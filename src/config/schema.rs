//! The shape of the file: every table, every key and how it is read.

use reqwest::header::{HeaderName, HeaderValue};

use super::network::Network;
use super::read;
use super::secret::SigningSecret;
use super::section::Section;
use super::tokens;
use super::types::{
    Account, Config, Database, Destination, Events, InDoubt, Kind, Poll, Sendpilot, Server, Steps,
    Token, Unipile, UnipileV2, Wants,
};
use super::values::{self, ActiveHours, Rate};
use crate::domain::event::EventType;
use crate::domain::ids::{AccountId, CampaignId};
use crate::domain::provider::Provider;
use crate::domain::role::Role;

/// The bounds of `server.max_body` in bytes.
const BODY_BYTES: (u32, u32) = (1, 64 * 1024 * 1024);

/// Headers that belong to the request itself or to its signature.
const RESERVED_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

const PROVIDERS: [(&str, Provider); 3] = [
    ("unipile", Provider::Unipile),
    ("unipile_v2", Provider::UnipileV2),
    ("sendpilot", Provider::Sendpilot),
];
const KINDS: [(&str, Kind); 3] = [
    ("slack", Kind::Slack),
    ("webhook", Kind::Webhook),
    ("sendpilot", Kind::Sendpilot),
];
const WANTS: [(&str, Wants); 2] = [("include", Wants::Include), ("exclude", Wants::Exclude)];
const IN_DOUBT: [(&str, InDoubt); 2] = [("hold", InDoubt::Hold), ("resend", InDoubt::Resend)];

/// Reads the whole file. Returns `None` only after a problem was reported.
pub(super) fn config(root: &Section<'_>) -> Option<Config> {
    let workspace_id = root.get("workspace_id", read::name);
    let server = server(&root.table("server"));
    let database = database(&root.table("database"));
    let unipile = unipile(&root.table("unipile"));
    let unipile_v2 = unipile_v2(&root.table("unipile_v2"));
    let sendpilot = sendpilot(&root.table("sendpilot"));
    let poll = poll(&root.table("poll"));
    let steps = steps(&root.table("steps"));
    let events = events(&root.table("events"));
    let tokens: Vec<_> = root.tables("token").iter().map(token).collect();
    let accounts: Vec<_> = root.tables("account").iter().map(account).collect();
    let destinations: Vec<_> = root.tables("destination").iter().map(destination).collect();
    root.finish();
    Some(Config {
        workspace_id: workspace_id?,
        server: server?,
        database: database?,
        unipile: unipile?,
        unipile_v2: unipile_v2?,
        sendpilot: sendpilot?,
        poll: poll?,
        steps: steps?,
        events: events?,
        tokens: tokens.into_iter().collect::<Option<_>>()?,
        accounts: accounts.into_iter().collect::<Option<_>>()?,
        destinations: destinations.into_iter().collect::<Option<_>>()?,
    })
}

fn server(s: &Section<'_>) -> Option<Server> {
    let listen = s.get("listen", |v| read::parsed(v, values::listen_address));
    let admin_listen = s.get("admin_listen", |v| {
        read::parsed(v, values::optional_listen_address)
    });
    let public_url = s.get("public_url", read::base_url);
    let dashboard_url = s.get("dashboard_url", read::base_url);
    let admin_token = s.get("admin_token", read::secret);
    let metrics_token = s.get("metrics_token", read::secret);
    let trusted_proxies = s.list("trusted_proxies", |v| read::parsed(v, Network::parse));
    let max_body = s.get("max_body", |v| read::number(v, BODY_BYTES.0, BODY_BYTES.1));
    s.finish();
    Some(Server {
        listen: listen?,
        admin_listen: admin_listen?,
        public_url: public_url?,
        dashboard_url: dashboard_url?,
        admin_token: admin_token?,
        metrics_token: metrics_token?,
        trusted_proxies: trusted_proxies?,
        max_body: max_body? as usize,
    })
}

fn database(s: &Section<'_>) -> Option<Database> {
    let path = s.get("path", read::path);
    let retain_signals = s.get("retain_signals", read::duration);
    s.finish();
    Some(Database {
        path: path?,
        retain_signals: retain_signals?,
    })
}

fn unipile(s: &Section<'_>) -> Option<Unipile> {
    let base_url = s.get("base_url", read::base_url);
    let api_key = s.get("api_key", read::secret);
    let webhook_header = s.get("webhook_header", |v| read::parsed(v, read::header_name));
    let webhook_secret = s.get("webhook_secret", read::secret);
    let signing_secret = s.get("signing_secret", read::secret);
    let timeout = s.get("timeout", read::duration);
    let keep_message_text = s.get("keep_message_text", read::flag);
    s.finish();
    Some(Unipile {
        base_url: base_url?,
        api_key: api_key?,
        webhook_header: webhook_header?,
        webhook_secret: webhook_secret?,
        signing_secret: signing_secret?,
        timeout: timeout?,
        keep_message_text: keep_message_text?,
    })
}

fn unipile_v2(s: &Section<'_>) -> Option<UnipileV2> {
    let base_url = s.get("base_url", read::base_url);
    let api_key = s.get("api_key", read::secret);
    let secret_file = s.get("secret_file", read::optional_path);
    s.finish();
    Some(UnipileV2 {
        base_url: base_url?,
        api_key: api_key?,
        secret_file: secret_file?,
    })
}

fn sendpilot(s: &Section<'_>) -> Option<Sendpilot> {
    let api_key = s.get("api_key", read::secret);
    let base_url = s.get("base_url", read::base_url);
    let repair_every = s.get("repair_every", read::duration);
    let webhook_secrets = s.list("webhook_secrets", |v| {
        let secret = read::secret(v)?;
        if secret.is_set() {
            Ok(secret)
        } else {
            Err("is empty: an empty secret would let anyone in".to_owned())
        }
    });
    s.finish();
    Some(Sendpilot {
        api_key: api_key?,
        base_url: base_url?,
        repair_every: repair_every?,
        webhook_secrets: webhook_secrets?,
    })
}

fn poll(s: &Section<'_>) -> Option<Poll> {
    let every = s.get("every", read::duration);
    let jitter = s.get("jitter", read::jitter);
    let spacing = s.get("spacing", read::duration);
    let spacing_jitter = s.get("spacing_jitter", read::jitter);
    let daily_budget = s.get("daily_budget", |v| read::number(v, 0, 1_000_000));
    let page_size = s.get("page_size", |v| read::number(v, 1, 1_000));
    let lookback = s.get("lookback", read::duration);
    let horizon = s.get("horizon", read::duration);
    let active_hours = s.get("active_hours", |v| read::parsed(v, ActiveHours::parse));
    let timezone = s.get("timezone", read::timezone);
    s.finish();
    Some(Poll {
        every: every?,
        jitter: jitter?,
        spacing: spacing?,
        spacing_jitter: spacing_jitter?,
        daily_budget: daily_budget?,
        page_size: page_size?,
        lookback: lookback?,
        horizon: horizon?,
        active_hours: active_hours?,
        timezone: timezone?,
    })
}

fn steps(s: &Section<'_>) -> Option<Steps> {
    let account_daily_cap = s.get("account_daily_cap", |v| read::number(v, 0, 1_000_000));
    s.finish();
    Some(Steps {
        account_daily_cap: account_daily_cap.map(|cap| (cap > 0).then_some(cap))?,
    })
}

fn events(s: &Section<'_>) -> Option<Events> {
    let announce_within = s.get("announce_within", read::duration);
    s.finish();
    Some(Events {
        announce_within: announce_within?,
    })
}

fn token(s: &Section<'_>) -> Option<Token> {
    let roles: Vec<_> = Role::ALL.iter().map(|r| (r.as_str(), *r)).collect();
    let name = s.need("name", |v| tokens::name(read::name(v)?));
    let token = s.need("token", |v| {
        let secret = read::secret(v)?;
        if secret.is_set() {
            Ok(secret)
        } else {
            Err("is empty: an empty token would let anyone in".to_owned())
        }
    });
    let role = s.need("role", |v| read::word(v, &roles));
    s.finish();
    Some(Token {
        name: name?,
        token: token?,
        role: role?,
    })
}

fn account(s: &Section<'_>) -> Option<Account> {
    let id = s.need("id", |v| read::id(v, AccountId::parse));
    let formerly = s.list("formerly", |v| read::id(v, AccountId::parse));
    let workspace_id = s.get("workspace_id", read::name);
    let provider = s.get("provider", |v| read::word(v, &PROVIDERS));
    let spacing = s.get("spacing", read::duration);
    let daily_budget = s.get("daily_budget", |v| read::number(v, 0, 1_000_000));
    let active_hours = s.get("active_hours", |v| read::parsed(v, ActiveHours::parse));
    let timezone = s.get("timezone", read::timezone);
    s.finish();
    Some(Account {
        id: id?,
        formerly: formerly.unwrap_or_default(),
        workspace_id,
        provider,
        spacing,
        daily_budget,
        active_hours,
        timezone,
    })
}

fn destination(s: &Section<'_>) -> Option<Destination> {
    let name = s.need("name", |v| {
        let name = read::name(v)?;
        if name.contains('/') || name == "." || name == ".." {
            return Err(
                "must not be \".\" or \"..\" or contain \"/\": it is part of URLs".to_owned(),
            );
        }
        Ok(name)
    });
    let kind = s.need("kind", |v| read::word(v, &KINDS));
    let url = s.need("url", read::secret_url);
    let chat = kind == Some(Kind::Slack);
    let events = event_types(s, kind);
    let campaigns = s.list("campaigns", |v| read::id(v, CampaignId::parse));
    let accounts = s.list("accounts", |v| read::id(v, AccountId::parse));
    let workspaces = s.list("workspaces", read::name);
    let pre_connected = s.get("pre_connected", |v| read::word(v, &WANTS));
    let backfill = s.get("backfill", |v| read::word(v, &WANTS));
    let rate = s.get("rate", |v| read::parsed(v, Rate::parse));
    let concurrency = s.get("concurrency", |v| read::number(v, 1, 1_000));
    let timeout = s.get("timeout", read::duration);
    let in_doubt = s.get("in_doubt", |v| read::word(v, &IN_DOUBT));
    let secrets = s.list("secrets", signing_secret);
    let headers = headers(&s.table("headers"));
    if chat && secrets.as_ref().is_some_and(|all| !all.is_empty()) {
        s.problem("secrets", "slack takes no signature: leave it out");
    }
    if matches!(kind, Some(Kind::Slack | Kind::Sendpilot)) && !headers.is_empty() {
        s.problem(
            "headers",
            "only kind = \"webhook\" takes extra headers: leave them out",
        );
    }
    s.finish();
    let by_kind = |slack, others| if chat { slack } else { others };
    Some(Destination {
        name: name?,
        kind: kind?,
        url: url?,
        events,
        campaigns: campaigns.unwrap_or_default(),
        accounts: accounts.unwrap_or_default(),
        workspaces: workspaces.unwrap_or_default(),
        pre_connected: pre_connected.unwrap_or(Wants::Include),
        backfill: backfill.unwrap_or(if chat { Wants::Exclude } else { Wants::Include }),
        rate: rate.unwrap_or(Rate::per_second(by_kind(1, 50))),
        concurrency: concurrency.unwrap_or(by_kind(1, 4)) as usize,
        timeout: timeout.unwrap_or(std::time::Duration::from_secs(15)),
        in_doubt: in_doubt.unwrap_or(if chat { InDoubt::Hold } else { InDoubt::Resend }),
        secrets: secrets.unwrap_or_default(),
        headers,
    })
}

/// The events a destination gets; none or an empty list is every one its kind takes.
fn event_types(s: &Section<'_>, kind: Option<Kind>) -> Vec<EventType> {
    let words: Vec<_> = EventType::ALL.iter().map(|t| (t.as_str(), *t)).collect();
    let accepts_only = kind == Some(Kind::Sendpilot);
    let takes = |t: EventType| !accepts_only || t == EventType::InviteAccepted;
    let listed = s.list("events", |v| {
        let event = read::word(v, &words)?;
        if takes(event) {
            Ok(event)
        } else {
            Err(format!("sendpilot takes accepts only: leave {event} out"))
        }
    });
    match listed {
        Some(listed) if !listed.is_empty() => listed,
        _ => EventType::ALL
            .iter()
            .copied()
            .filter(|t| takes(*t))
            .collect(),
    }
}

fn signing_secret(value: &toml::de::DeValue<'_>) -> Result<SigningSecret, String> {
    SigningSecret::parse(read::secret(value)?.expose()).ok_or_else(|| {
        "is no Standard Webhooks secret: it is \"whsec_\" and the base64 of 24 to 64 random bytes"
            .to_owned()
    })
}

fn headers(s: &Section<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut all = Vec::new();
    for (key, value, span) in s.entries() {
        let read = || {
            let name = read::header_name(key)?;
            if RESERVED_HEADERS.contains(&name.as_str()) {
                return Err("is set by acceptd itself: leave it out".to_owned());
            }
            let secret = read::secret(value)?;
            let mut value = HeaderValue::from_str(secret.expose())
                .map_err(|_| "is no value of an HTTP header".to_owned())?;
            value.set_sensitive(true);
            Ok((name, value))
        };
        match read() {
            Ok(header) => all.push(header),
            Err(message) => s.problems.add(&span, &s.path(key), message),
        }
    }
    all
}
