//! The provider APIs that the configuration names.

use std::sync::Arc;

use reqwest::header::HeaderName;
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
                &as_written(&config.unipile.webhook_header),
                revealed(&config.unipile.webhook_secret),
            );
        clients.add(client(api, base, key));
    }
    if let Some(base) = &config.unipile_v2.base_url {
        let key = &config.unipile_v2.api_key;
        let api = UnipileV2::new(base, revealed(key), timeout, clock.clone())
            .map_err(anyhow::Error::msg)?
            .with_secret_file(config.unipile_v2.secret_file.clone());
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

/// A header's name as people write it, `Unipile-Auth`: the configuration keeps it in small letters.
fn as_written(header: &HeaderName) -> String {
    let words = header.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_look_as_people_write_them() {
        for (name, written) in [
            ("unipile-auth", "Unipile-Auth"),
            ("x--y", "X--Y"),
            ("a", "A"),
        ] {
            assert_eq!(as_written(&HeaderName::from_static(name)), written);
        }
    }
}
