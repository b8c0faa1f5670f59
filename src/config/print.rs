//! Prints the effective configuration for `check`: as TOML, with every secret redacted.

use std::fmt::{Display, Write as _};

use super::secret::{REDACTED, Secret};
use super::types::{Account, Config, Destination};
use super::values::{ActiveHours, duration_text};

impl Config {
    /// Returns the effective configuration as TOML, with «redacted» or «not set» for secrets.
    #[must_use]
    pub fn print_redacted(&self) -> String {
        let mut out = Lines::default();
        out.text("workspace_id", &self.workspace_id);
        let server = &self.server;
        out.head("[server]");
        out.text("listen", server.listen);
        let admin_listen = server.admin_listen.map(|address| address.to_string());
        out.text("admin_listen", admin_listen.unwrap_or_default());
        out.text("public_url", url(server.public_url.as_ref()));
        out.text("dashboard_url", url(server.dashboard_url.as_ref()));
        out.secret("admin_token", &server.admin_token);
        out.secret("metrics_token", &server.metrics_token);
        out.list("trusted_proxies", &server.trusted_proxies);
        out.plain("max_body", server.max_body);
        out.head("[database]");
        out.text("path", self.database.path.display());
        out.text(
            "retain_signals",
            duration_text(self.database.retain_signals),
        );
        let unipile = &self.unipile;
        out.head("[unipile]");
        out.text("base_url", url(unipile.base_url.as_ref()));
        out.secret("api_key", &unipile.api_key);
        out.text("webhook_header", &unipile.webhook_header);
        out.secret("webhook_secret", &unipile.webhook_secret);
        out.secret("signing_secret", &unipile.signing_secret);
        out.text("timeout", duration_text(unipile.timeout));
        out.plain("keep_message_text", unipile.keep_message_text);
        let unipile_v2 = &self.unipile_v2;
        out.head("[unipile_v2]");
        out.text("base_url", url(unipile_v2.base_url.as_ref()));
        out.secret("api_key", &unipile_v2.api_key);
        let secret_file = unipile_v2.secret_file.as_deref();
        out.text(
            "secret_file",
            secret_file.map_or_else(String::new, |path| path.display().to_string()),
        );
        let sendpilot = &self.sendpilot;
        out.head("[sendpilot]");
        out.secret("api_key", &sendpilot.api_key);
        out.text("base_url", url(sendpilot.base_url.as_ref()));
        out.text("repair_every", duration_text(sendpilot.repair_every));
        let secrets = sendpilot.webhook_secrets.len();
        out.list("webhook_secrets", std::iter::repeat_n(REDACTED, secrets));
        let poll = &self.poll;
        out.head("[poll]");
        out.text("every", duration_text(poll.every));
        out.text("jitter", duration_text(poll.jitter));
        out.text("spacing", duration_text(poll.spacing));
        out.text("spacing_jitter", duration_text(poll.spacing_jitter));
        out.plain("daily_budget", poll.daily_budget);
        out.plain("page_size", poll.page_size);
        out.text("lookback", duration_text(poll.lookback));
        out.text("horizon", duration_text(poll.horizon));
        out.text("active_hours", hours(poll.active_hours));
        out.text("timezone", zone(&poll.timezone));
        out.head("[steps]");
        out.plain(
            "account_daily_cap",
            self.steps.account_daily_cap.unwrap_or(0),
        );
        out.head("[events]");
        out.text(
            "announce_within",
            duration_text(self.events.announce_within),
        );
        for token in &self.tokens {
            out.head("[[token]]");
            out.text("name", &token.name);
            out.secret("token", &token.token);
            out.text("role", token.role);
        }
        for account in &self.accounts {
            out.account(account);
        }
        for destination in &self.destinations {
            out.destination(destination);
        }
        out.0
    }
}

fn url(url: Option<&url::Url>) -> String {
    url.map(ToString::to_string).unwrap_or_default()
}

fn hours(hours: Option<ActiveHours>) -> String {
    hours.map(|h| h.to_string()).unwrap_or_default()
}

fn zone(zone: &jiff::tz::TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

fn quoted(text: impl Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn plain(&mut self, key: &str, value: impl Display) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: impl Display) {
        self.plain(key, quoted(value));
    }

    fn secret(&mut self, key: &str, secret: &Secret) {
        if secret.is_set() {
            self.text(key, REDACTED);
        } else {
            self.plain(key, "\"\" # not set");
        }
    }

    fn list(&mut self, key: &str, items: impl IntoIterator<Item = impl Display>) {
        let items: Vec<_> = items.into_iter().map(quoted).collect();
        self.plain(key, format_args!("[{}]", items.join(", ")));
    }

    fn head(&mut self, head: &str) {
        let _ = writeln!(self.0, "\n{head}");
    }

    fn account(&mut self, account: &Account) {
        self.head("[[account]]");
        self.text("id", &account.id);
        if let Some(workspace) = &account.workspace_id {
            self.text("workspace_id", workspace);
        }
        if let Some(provider) = account.provider {
            self.text("provider", provider);
        }
        if let Some(spacing) = account.spacing {
            self.text("spacing", duration_text(spacing));
        }
        if let Some(budget) = account.daily_budget {
            self.plain("daily_budget", budget);
        }
        if let Some(active) = account.active_hours {
            self.text("active_hours", hours(active));
        }
        if let Some(timezone) = &account.timezone {
            self.text("timezone", zone(timezone));
        }
    }

    fn destination(&mut self, d: &Destination) {
        self.head("[[destination]]");
        self.text("name", &d.name);
        self.text("kind", d.kind.as_str());
        self.text("url", REDACTED);
        self.list("events", &d.events);
        self.list("campaigns", &d.campaigns);
        self.list("accounts", &d.accounts);
        self.list("workspaces", &d.workspaces);
        self.text("pre_connected", d.pre_connected.as_str());
        self.text("backfill", d.backfill.as_str());
        self.text("rate", d.rate);
        self.plain("concurrency", d.concurrency);
        self.text("timeout", duration_text(d.timeout));
        self.text("in_doubt", d.in_doubt.as_str());
        self.list("secrets", d.secrets.iter().map(|_| REDACTED));
        let headers = d.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, _)| format!("{} = {}", quoted(name), quoted(REDACTED)))
            .collect();
        if headers.is_empty() {
            self.plain("headers", "{}");
        } else {
            self.plain("headers", format_args!("{{ {} }}", headers.join(", ")));
        }
    }
}
