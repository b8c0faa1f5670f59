//! The provider APIs that the configuration names.

use std::sync::Arc;

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use url::Url;

use crate::clock::Clock;
use crate::config::{Config, Secret};
use crate::provider::unipile::v1::UnipileV1;
use crate::provider::unipile::v2::UnipileV2;
use crate::provider::{Client, Clients, ProviderApi};

/// Makes a client for each API that is configured.
///
/// # Errors
/// If an address can't be used.
pub fn clients(config: &Config, clock: &Clock) -> anyhow::Result<Clients> {
    let mut clients = Clients::default();
    let timeout = config.unipile.timeout;
    if let Some(base) = &config.unipile.base_url {
        let key = &config.unipile.api_key;
        let api = UnipileV1::new(base, revealed(key), timeout, clock.clone())
            .map_err(anyhow::Error::msg)?
            .with_webhook_header(
                config.unipile.webhook_header.as_str(),
                revealed(&config.unipile.webhook_secret),
            );
        clients.add(client(api, base, key));
    }
    if let Some(base) = &config.unipile_v2.base_url {
        let key = &config.unipile_v2.api_key;
        let api = UnipileV2::new(base, revealed(key), timeout, clock.clone())
            .map_err(anyhow::Error::msg)?;
        clients.add(client(api, base, key));
    }
    Ok(clients)
}

fn client(api: impl ProviderApi + 'static, base: &Url, key: &Secret) -> Client {
    let named = format!("{base}\n{}", key.expose());
    Client {
        api: Arc::new(api),
        key_fingerprint: hex::encode(Sha256::digest(named)),
    }
}

fn revealed(secret: &Secret) -> SecretString {
    SecretString::from(secret.expose())
}
