//! What no single key can say: rules across keys, and what is allowed but unwise.

use std::collections::HashMap;
use std::time::Duration;

use super::section::Section;
use super::types::{Config, Kind};
use super::values;

/// Below this a provider may take the calls for a robot's.
const SPACING_WISE: Duration = Duration::from_secs(30);

/// The length of a signing key that Standard Webhooks asks for, in bytes.
const SIGNING_KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Notes every broken rule; answers what the user should be told besides.
pub(super) fn check(root: &Section<'_>, config: &Config) -> Vec<String> {
    admin_token(root, config);
    let unipile = root.table("unipile");
    if config.unipile.base_url.is_some() && !config.unipile.api_key.is_set() {
        unipile.problem("api_key", "is empty, but base_url is set: calls need a key");
    }
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
    told.unipile(config);
    told.spacing(config, &accounts);
    told.destinations(config, &destinations);
    told.all
}

fn admin_token(root: &Section<'_>, config: &Config) {
    if config.server.admin_token.is_set() {
        return;
    }
    let server = root.table("server");
    let refuse = |why: &str, other: &'static str| {
        let place = if server.wrote("admin_token") {
            "admin_token"
        } else {
            other
        };
        root.problems.add(
            &server.span(place),
            "server.admin_token",
            format!(
                "is empty, but {why}: set a long random one, so that not everybody may use the API"
            ),
        );
    };
    if !values::is_loopback(config.server.listen.ip()) {
        refuse("listen is not a loopback address", "listen");
    } else if config.server.public_url.is_some() {
        refuse("public_url is set", "public_url");
    }
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

    fn unipile(&mut self, config: &Config) {
        let section = self.root.table("unipile");
        if config.unipile.base_url.is_none() {
            let message = "is empty: webhook-only, nothing is polled and nobody can be resynced";
            self.add(&section, "base_url", message);
        }
        if let Some(url) = &config.unipile.base_url
            && url.scheme() == "http"
            && !values::leads_to_loopback(url)
        {
            self.add(
                &section,
                "base_url",
                "is http: the API key travels in the clear",
            );
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

    fn destinations(&mut self, config: &Config, sections: &[Section<'_>]) {
        for (destination, section) in config.destinations.iter().zip(sections) {
            let url = destination.url.expose();
            if url.path().contains("/webhook-test/") {
                let message = "is an n8n test URL, which works only while its editor listens: use the production URL with /webhook/";
                self.add(section, "url", message);
            }
            if url.scheme() == "http" && !values::leads_to_loopback(url) {
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
