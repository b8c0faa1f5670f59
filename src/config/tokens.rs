//! The tokens of a configuration, and when there may be none.

use super::section::Section;
use super::types::Config;
use super::{Secret, values};
use crate::domain::role::Role;

/// The name of the bearer of `server.admin_token`.
pub const ADMIN: &str = "admin";

/// A shorter token or webhook secret can be guessed. In characters.
const LENGTH_MIN: usize = 16;

/// Names that the log and the audit trail use for something else.
const RESERVED: [&str; 3] = [ADMIN, "open", "signal"];

const SHORT: &str =
    "is shorter than 16 characters: use a long random one, such as from `openssl rand -hex 32`";

/// A token that opens the API.
#[derive(Debug, Clone, Copy)]
pub struct Bearer<'c> {
    /// Its name.
    pub name: &'c str,
    /// Its secret.
    pub token: &'c Secret,
    /// Its role.
    pub role: Role,
}

impl Config {
    /// Every token that opens the API: `server.admin_token` if it is set, then each `[[token]]`.
    pub fn bearers(&self) -> impl Iterator<Item = Bearer<'_>> {
        let admin = self.server.admin_token.is_set().then_some(Bearer {
            name: ADMIN,
            token: &self.server.admin_token,
            role: Role::Admin,
        });
        let named = self.tokens.iter().map(|token| Bearer {
            name: &token.name,
            token: &token.token,
            role: token.role,
        });
        admin.into_iter().chain(named)
    }

    /// Whether there is no token, so that every process of this machine may do everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.bearers().next().is_none()
    }

    /// Returns the token that the commands use: `server.admin_token`, else the first one with the highest role.
    #[must_use]
    pub fn strongest(&self) -> Option<Bearer<'_>> {
        self.bearers().reduce(
            |best, other| {
                if other.role > best.role { other } else { best }
            },
        )
    }
}

/// Whether a secret can be guessed.
pub(super) fn is_short(secret: &Secret) -> bool {
    secret.expose().chars().count() < LENGTH_MIN
}

/// Refuses reserved names of a `[[token]]`.
pub(super) fn name(name: String) -> Result<String, String> {
    if RESERVED.contains(&name.as_str()) {
        return Err(format!("{name:?} is reserved: choose another name"));
    }
    if name.starts_with("session:") {
        return Err("must not begin with \"session:\": sessions are shown so".to_owned());
    }
    Ok(name)
}

/// Reports every token that is too short or used twice, and a configuration that needs a token and has none.
pub(super) fn check(root: &Section<'_>, config: &Config) {
    let server = root.table("server");
    for (key, secret) in [
        ("admin_token", &config.server.admin_token),
        ("metrics_token", &config.server.metrics_token),
    ] {
        if secret.is_set() && is_short(secret) {
            server.problem(key, SHORT);
        }
    }
    for (n, section) in root.tables("token").iter().enumerate() {
        let Some(token) = config.tokens.get(n) else {
            continue;
        };
        if is_short(&token.token) {
            section.problem("token", SHORT);
        }
        let before = config
            .bearers()
            .take_while(|bearer| bearer.name != token.name)
            .find(|bearer| *bearer.token == token.token);
        if let Some(before) = before {
            let message = format!("is the token of {:?} too: each needs its own", before.name);
            section.problem("token", message);
        }
    }
    if config.is_open() {
        check_open_mode(root, config);
    }
}

/// Reports why the API can't be open to everybody, if there is a reason.
fn check_open_mode(root: &Section<'_>, config: &Config) {
    let (server, unipile) = (root.table("server"), root.table("unipile"));
    let unipile_v2 = root.table("unipile_v2");
    let sendpilot = root.table("sendpilot");
    let (why, section, key) = if !values::is_loopback(config.server.api_listen().ip()) {
        match config.server.admin_listen {
            Some(_) => (
                "admin_listen is not a loopback address",
                &server,
                "admin_listen",
            ),
            None => ("listen is not a loopback address", &server, "listen"),
        }
    } else if config.server.public_url.is_some() {
        ("public_url is set", &server, "public_url")
    } else if config.unipile.webhook_secret.is_set() {
        ("unipile.webhook_secret is set", &unipile, "webhook_secret")
    } else if config.unipile.signing_secret.is_set() {
        ("unipile.signing_secret is set", &unipile, "signing_secret")
    } else if config.unipile_v2.secret_file.is_some() {
        ("unipile_v2.secret_file is set", &unipile_v2, "secret_file")
    } else if !config.sendpilot.webhook_secrets.is_empty() {
        let why = "sendpilot.webhook_secrets are set";
        (why, &sendpilot, "webhook_secrets")
    } else {
        return;
    };
    let span = if server.wrote("admin_token") {
        server.span("admin_token")
    } else {
        section.span(key)
    };
    root.problems.add(
        &span,
        "server.admin_token",
        format!(
            "is empty, but {why}: set a long random one, such as from `openssl rand -hex 32`, so that not everybody may use the API"
        ),
    );
}
