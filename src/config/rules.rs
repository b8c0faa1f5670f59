//! Rules across several keys, and warnings about settings that are allowed but unwise.

use std::collections::HashMap;
use std::time::Duration;

use super::section::Section;
use super::tokens;
use super::types::{Config, Kind};
use super::values;

/// With a shorter spacing a provider may detect automation.
const SPACING_WISE: Duration = Duration::from_secs(30);

/// The length of a signing key that Standard Webhooks asks for, in bytes.
const SIGNING_KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

const TOKENS_IN_THE_CLEAR: &str = "is not a loopback address, and the daemon speaks plain HTTP: tokens travel in the clear. Listen on loopback behind a proxy that does TLS";
const SECRETS_IN_THE_CLEAR: &str = "is not a loopback address, and the daemon speaks plain HTTP: webhook secrets travel in the clear. Listen on loopback behind a proxy that does TLS";

/// Reports every broken rule. Returns the warnings.
pub(super) fn check(root: &Section<'_>, config: &Config) -> Vec<String> {
    tokens::check(root, config);
    let unipile = root.table("unipile");
    if config.unipile.base_url.is_some() && !config.unipile.api_key.is_set() {
        unipile.problem("api_key", "is empty, but base_url is set: calls need a key");
    }
    let server = &config.server;
    if server
        .admin_listen
        .is_some_and(|admin| values::collide(admin, server.listen))
    {
        root.table("server").problem(
            "admin_listen",
            "is the same address as listen: choose another port",
        );
    }
    if config.unipile_v2.base_url.is_some() && !config.unipile_v2.api_key.is_set() {
        let section = root.table("unipile_v2");
        section.problem("api_key", "is empty, but base_url is set: calls need a key");
    }
    if config.sendpilot.api_key.is_set() && config.sendpilot.base_url.is_none() {
        let sendpilot = root.table("sendpilot");
        sendpilot.problem(
            "base_url",
            "is empty, but api_key is set: the list of leads needs an address",
        );
    }
    unique(
        &root.tables("token"),
        "name",
        config.tokens.iter().map(|t| t.name.as_str()),
    );
    let accounts = root.tables("account");
    unique(
        &accounts,
        "id",
        config.accounts.iter().map(|a| a.id.as_str()),
    );
    let destinations = root.tables("destination");
    unique(
        &destinations,
        "name",
        config.destinations.iter().map(|d| d.name.as_str()),
    );
    let mut told = Warnings {
        root,
        all: Vec::new(),
    };
    told.server(config);
    told.unipile(config);
    told.spacing(config, &accounts);
    told.tick(config, &accounts);
    told.destinations(config, &destinations);
    told.all
}

fn unique<'t>(entries: &[Section<'_>], key: &str, values: impl Iterator<Item = &'t str>) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (entry, value) in entries.iter().zip(values) {
        let line = entry.problems.line(&entry.span(key));
        if let Some(first) = seen.insert(value, line) {
            entry.problem(
                key,
                format!("{value:?} is taken by the entry at line {first}"),
            );
        }
    }
}

/// Whether requests to the URL are unencrypted on a network.
fn is_in_the_clear(url: &url::Url) -> bool {
    url.scheme() == "http" && !values::leads_to_loopback(url)
}

struct Warnings<'s, 'a> {
    root: &'s Section<'a>,
    all: Vec<String>,
}

impl Warnings<'_, '_> {
    fn add(&mut self, section: &Section<'_>, key: &str, message: &str) {
        let at = if section.wrote(key) {
            format!("line {}: ", section.problems.line(&section.span(key)))
        } else {
            String::new()
        };
        self.all
            .push(format!("{at}{}: {message}", section.path(key)));
    }

    /// Warns of addresses beyond this machine without TLS.
    fn server(&mut self, config: &Config) {
        let section = self.root.table("server");
        let server = &config.server;
        if server
            .admin_listen
            .is_some_and(|admin| !values::is_loopback(admin.ip()))
        {
            self.add(&section, "admin_listen", TOKENS_IN_THE_CLEAR);
        }
        if !values::is_loopback(server.listen.ip()) {
            let message = match server.admin_listen {
                Some(_) => SECRETS_IN_THE_CLEAR,
                None => TOKENS_IN_THE_CLEAR,
            };
            self.add(&section, "listen", message);
        }
        for (key, url) in [
            ("public_url", &server.public_url),
            ("dashboard_url", &server.dashboard_url),
        ] {
            if url.as_ref().is_some_and(is_in_the_clear) {
                self.add(
                    &section,
                    key,
                    "is http: tokens and names travel in the clear",
                );
            }
        }
    }

    /// Warns of webhook secrets that can be guessed.
    fn webhook_secrets(&mut self, config: &Config) {
        const MESSAGE: &str = "is shorter than 16 characters: it can be guessed. Use a long random one, such as from `openssl rand -hex 32`";
        let section = self.root.table("unipile");
        for (key, secret) in [
            ("webhook_secret", &config.unipile.webhook_secret),
            ("signing_secret", &config.unipile.signing_secret),
        ] {
            if secret.is_set() && tokens::is_short(secret) {
                self.add(&section, key, MESSAGE);
            }
        }
        if config
            .sendpilot
            .webhook_secrets
            .iter()
            .any(tokens::is_short)
        {
            self.add(&self.root.table("sendpilot"), "webhook_secrets", MESSAGE);
        }
    }

    fn unipile(&mut self, config: &Config) {
        self.webhook_secrets(config);
        let section = self.root.table("unipile");
        if config.unipile.base_url.is_none() && config.unipile_v2.base_url.is_none() {
            let message = "is empty: webhook-only, nothing is polled and nothing can be resynced";
            self.add(&section, "base_url", message);
        }
        if config
            .unipile
            .base_url
            .as_ref()
            .is_some_and(is_in_the_clear)
        {
            self.add(
                &section,
                "base_url",
                "is http: the API key travels in the clear",
            );
        }
        let v2 = &config.unipile_v2.base_url;
        if v2.as_ref().is_some_and(is_in_the_clear) {
            let section = self.root.table("unipile_v2");
            let message = "is http: the API key travels in the clear";
            self.add(&section, "base_url", message);
        }
        if config.sendpilot.webhook_secrets.is_empty() {
            let section = self.root.table("sendpilot");
            let message = "is empty: SendPilot's webhooks are answered 401";
            self.add(&section, "webhook_secrets", message);
        }
    }

    fn spacing(&mut self, config: &Config, accounts: &[Section<'_>]) {
        let message = "is under 30s: LinkedIn may restrict accounts that are called so often";
        if config.poll.spacing < SPACING_WISE {
            self.add(&self.root.table("poll"), "spacing", message);
        }
        for (account, section) in config.accounts.iter().zip(accounts) {
            if account.spacing.is_some_and(|s| s < SPACING_WISE) {
                self.add(section, "spacing", message);
            }
        }
    }

    fn tick(&mut self, config: &Config, accounts: &[Section<'_>]) {
        let message = "is shorter than the spacing: an account is then called once per spacing, by turns for the newest relations and for the rest of its list";
        if config.poll.every < config.poll.spacing {
            self.add(&self.root.table("poll"), "every", message);
        }
        for (account, section) in config.accounts.iter().zip(accounts) {
            if account.spacing.is_some_and(|s| s > config.poll.every) {
                let message = "is longer than poll.every: the account is then called once per spacing, by turns for the newest relations and for the rest of its list";
                self.add(section, "spacing", message);
            }
        }
    }

    fn destinations(&mut self, config: &Config, sections: &[Section<'_>]) {
        for (destination, section) in config.destinations.iter().zip(sections) {
            let url = destination.url.expose();
            if url.path().contains("/webhook-test/") {
                let message = "is an n8n test URL, which works only while its editor listens: use the production URL with /webhook/";
                self.add(section, "url", message);
            }
            if is_in_the_clear(url) {
                self.add(
                    section,
                    "url",
                    "is http: prospects' names travel in the clear",
                );
            }
            if destination.kind != Kind::Slack && destination.secrets.is_empty() {
                let message = "is empty: the receiver can't verify who sent an event";
                self.add(section, "secrets", message);
            }
            if destination
                .secrets
                .iter()
                .any(|s| !SIGNING_KEY_BYTES.contains(&s.key().len()))
            {
                let message = "has a key outside the 24 to 64 bytes that Standard Webhooks asks for: some receivers refuse it";
                self.add(section, "secrets", message);
            }
        }
    }
}
