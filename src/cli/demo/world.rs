//! What the demo runs in: the simulated provider, the receiver, a temporary directory, and the daemon's configuration.

use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::cast::{self, ACCOUNTS, DEAF};
use crate::cli::client::Api;
use crate::clock::Clock;
use crate::config::{self, ADMIN};
use crate::daemon::Daemon;
use crate::domain::time::Timestamp;
use crate::http;
use crate::provider::unipile::v1::UnipileV1;
use crate::provider::unipile::v1::register::{Wanted, register};
use crate::sim::receiver::Receiver;
use crate::sim::{Settings, Sim};
use crate::tell::sign::SigningSecret;

/// Where the destinations are, at the receiver.
pub(super) const DESTINATIONS: [(&str, &str); 3] = [
    ("crm", "webhook"),
    ("sales", "slack"),
    ("sender", "sendpilot"),
];

/// Least time between two calls for one account, in seconds.
pub(super) const SPACING_S: u64 = 1;

/// The longest a call may take; everything is on this machine.
const TIMEOUT: Duration = Duration::from_secs(10);

const HOUR_MS: i64 = 3_600_000;

/// Everything but the daemon itself. What it holds ends with it.
pub(super) struct World {
    pub clock: Clock,
    pub sim: Sim,
    pub receiver: Receiver,
    pub api: Api,
    pub http: reqwest::Client,
    pub sendpilot_secret: String,
    /// Signs what is sent to every destination that takes signatures.
    pub signing_secret: SigningSecret,
    address: SocketAddr,
    make_login_link: Box<dyn Fn() -> String + Send + Sync>,
    config_file: PathBuf,
    _dir: TempDir,
}

impl World {
    /// Starts the provider and the receiver, builds the daemon, and registers its webhooks with the provider.
    pub async fn build(listen: SocketAddr) -> anyhow::Result<(Self, Daemon)> {
        let clock = Clock::system();
        let api_key = Uuid::new_v4().to_string();
        let settings = Settings {
            api_key: api_key.clone(),
            ..Settings::default()
        };
        let sim = Sim::start(clock.clone(), settings)
            .await
            .context("the simulated provider can't be started")?;
        for account in ACCOUNTS {
            sim.add_account(account, cast::owner(account));
        }
        let receiver = Receiver::start(clock.clone())
            .await
            .context("the receiver can't be started")?;
        let dir = private_directory().context("no temporary directory")?;
        let (unipile_secret, sendpilot_secret) = (Uuid::new_v4().to_string(), Uuid::new_v4());
        let sendpilot_secret = sendpilot_secret.to_string();
        let signing_secret = whsec();
        let file = dir.path().join("acceptd.toml");
        let written = Written {
            listen,
            admin_token: Uuid::new_v4().simple().to_string(),
            database: dir.path().join("acceptd.db").display().to_string(),
            base_url: sim.base_url(),
            api_key: &api_key,
            unipile_secret: &unipile_secret,
            sendpilot_secret: &sendpilot_secret,
            signing_secret: &signing_secret,
            quiet_hours: quiet_hours(clock.now()),
            receiver: &receiver,
        };
        write_private(&file, &written.toml()).context("the temporary directory is not writable")?;
        let loaded = config::load(&file)?;
        let mut reached = loaded.config.clone();
        let daemon = Daemon::build(loaded, clock.clone(), CancellationToken::new()).await?;
        let address = daemon.address()?;
        let make_login_link = Box::new(daemon.login_links(ADMIN)?);
        reached.server.listen = address;
        let base = Url::parse(&sim.base_url())?;
        let client = UnipileV1::new(&base, SecretString::from(api_key), TIMEOUT, clock.clone())
            .map_err(anyhow::Error::msg)?;
        let public_url = Url::parse(&format!("http://{address}"))?;
        let wanted = Wanted::new(&public_url, "Unipile-Auth", unipile_secret.into())
            .map_err(anyhow::Error::msg)?;
        register(&client, &wanted, |_, _| {})
            .await
            .context("the webhooks can't be registered")?;
        let world = Self {
            api: Api::of(&reached)?,
            http: http::client(TIMEOUT).map_err(|e| anyhow!(http::describe(e)))?,
            clock,
            sim,
            receiver,
            sendpilot_secret,
            signing_secret: SigningSecret::parse(&signing_secret)?,
            address,
            make_login_link,
            config_file: file,
            _dir: dir,
        };
        Ok((world, daemon))
    }

    /// Where a person looks; the link logs in once.
    pub fn login_link(&self) -> String {
        (self.make_login_link)()
    }

    /// The configuration, which has the token. Only its owner can read it.
    pub fn config_file(&self) -> &Path {
        &self.config_file
    }

    /// The address of a path of the daemon.
    pub fn daemon_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A call to the simulated provider, as a sender makes it: the status and the body, word for word.
    pub async fn invite(
        &self,
        body: &serde_json::Value,
    ) -> anyhow::Result<(u16, serde_json::Value)> {
        let mut key = String::new();
        self.sim.set(|settings| key.clone_from(&settings.api_key));
        let answer = self
            .http
            .post(format!("{}/api/v1/users/invite", self.sim.base_url()))
            .header("X-API-KEY", key)
            .json(body)
            .send()
            .await?;
        let status = answer.status().as_u16();
        if status >= 500 || status == 401 {
            bail!("the simulated provider answered {status} to an invite");
        }
        Ok((status, answer.json().await?))
    }
}

/// A directory that only this user can enter: the demo's configuration holds its secrets.
fn private_directory() -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("acceptd-demo-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut new = OpenOptions::new();
    let mut file = new.write(true).create_new(true).mode(0o600).open(file)?;
    io::Write::write_all(&mut file, text.as_bytes())
}

/// An hour of the day that is half a day away. Accounts that may be called in it only are not polled meanwhile, so that it is no
/// luck which sign comes first.
fn quiet_hours(now: Timestamp) -> String {
    let hour = (now.0.div_euclid(HOUR_MS) + 12).rem_euclid(24);
    format!("{hour:02}:00-{hour:02}:30")
}

/// A fresh Standard Webhooks secret of 32 bytes.
fn whsec() -> String {
    let key = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
    format!("whsec_{}", BASE64_STANDARD.encode(key.concat()))
}

/// What goes into the configuration file.
struct Written<'a> {
    listen: SocketAddr,
    admin_token: String,
    database: String,
    base_url: String,
    api_key: &'a str,
    unipile_secret: &'a str,
    sendpilot_secret: &'a str,
    signing_secret: &'a str,
    quiet_hours: String,
    receiver: &'a Receiver,
}

impl Written<'_> {
    fn toml(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut text = format!(
            "workspace_id = \"ws_demo\"\n\
             [server]\nlisten = \"{}\"\nadmin_token = \"{}\"\n\
             [database]\npath = {}\n\
             [unipile]\nbase_url = \"{}\"\napi_key = \"{}\"\nwebhook_secret = \"{}\"\n\
             [sendpilot]\nwebhook_secrets = [\"{}\"]\n\
             [poll]\nevery = \"2s\"\njitter = \"100ms\"\nspacing = \"{SPACING_S}s\"\nspacing_jitter = \"1ms\"\ndaily_budget = 1000\n",
            self.listen,
            self.admin_token,
            quoted(&self.database),
            self.base_url,
            self.api_key,
            self.unipile_secret,
            self.sendpilot_secret,
        );
        for account in ACCOUNTS {
            let hours = if account == DEAF {
                ""
            } else {
                &self.quiet_hours
            };
            let workspace = if account == DEAF {
                "ws_demo"
            } else {
                "ws_team"
            };
            // Writing to a string can't fail.
            let _ = write!(
                text,
                "[[account]]\nid = \"{account}\"\nworkspace_id = \"{workspace}\"\nactive_hours = \"{hours}\"\n"
            );
        }
        for (name, kind) in DESTINATIONS {
            let url = self.receiver.url(&format!("/{name}"));
            let _ = write!(
                text,
                "[[destination]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"{url}\"\nrate = \"100/s\"\n"
            );
            if kind == "slack" {
                text.push_str("events = [\"linkedin.invite_accepted\"]\n");
            } else {
                let _ = writeln!(text, "secrets = [\"{}\"]", self.signing_secret);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_half_a_day_away() {
        assert_eq!(quiet_hours(Timestamp(0)), "12:00-12:30");
        assert_eq!(quiet_hours(Timestamp(13 * HOUR_MS + 1)), "01:00-01:30");
    }
}
