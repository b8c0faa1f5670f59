//! The webhooks that this installation needs.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::kinds::KINDS;
use crate::provider::register::HOOK_PATH;
use crate::provider::unipile::v1::webhooks::RegisteredWebhook;

/// The address and headers that all our webhooks share.
#[derive(Debug, Clone)]
pub struct Wanted {
    request_url: Url,
    header: String,
    secret: SecretString,
}

impl Wanted {
    /// Makes them from `server.public_url`, with or without a path or a slash at its end, and the header and secret of `[unipile]`.
    ///
    /// # Errors
    /// A sentence that names the setting that is missing or can't be used.
    pub fn new(public_url: &Url, header: &str, secret: SecretString) -> Result<Self, String> {
        if !matches!(public_url.scheme(), "http" | "https") || public_url.host().is_none() {
            return Err("server.public_url must start with https:// or http://".to_owned());
        }
        if secret.expose_secret().is_empty() {
            return Err(
                "unipile.webhook_secret is not set: acceptd would refuse the provider's webhooks"
                    .to_owned(),
            );
        }
        let mut request_url = public_url.clone();
        request_url.set_query(None);
        request_url.set_fragment(None);
        let path = format!("{}{HOOK_PATH}", request_url.path().trim_end_matches('/'));
        request_url.set_path(&path);
        Ok(Self {
            request_url,
            header: header.to_owned(),
            secret,
        })
    }

    /// Returns the address that the provider will send to.
    #[must_use]
    pub fn request_url(&self) -> &Url {
        &self.request_url
    }

    pub(super) fn headers(&self) -> [(&str, &str); 2] {
        [
            (&self.header, self.secret.expose_secret()),
            ("Content-Type", "application/json"),
        ]
    }

    pub(super) fn body(&self, name: &str, source: &str, events: &[&str]) -> Value {
        let headers = self
            .headers()
            .map(|(key, value)| json!({"key": key, "value": value}));
        json!({
            "source": source,
            "request_url": self.request_url.as_str(),
            "name": name,
            "format": "json",
            "headers": headers,
            "events": events,
        })
    }

    /// Returns whether a registered webhook belongs to this installation. Either it sends to our address. Or, after `public_url` has
    /// changed, it has one of our names, sends to the path of an acceptd, and carries our secret, which no other installation has.
    pub(super) fn owns(&self, webhook: &RegisteredWebhook) -> bool {
        let Ok(url) = Url::parse(&webhook.request_url) else {
            return false;
        };
        let sends_to = |url: &Url| url.path().trim_end_matches('/').to_owned();
        if url.origin() == self.request_url.origin()
            && sends_to(&url) == sends_to(&self.request_url)
        {
            return true;
        }
        let named = KINDS
            .iter()
            .any(|(name, _, _)| webhook.name.as_deref() == Some(name));
        named && sends_to(&url).ends_with(HOOK_PATH) && self.carries_secret(webhook)
    }

    fn carries_secret(&self, webhook: &RegisteredWebhook) -> bool {
        let secret = self.secret.expose_secret();
        let headers = webhook.headers.iter().flatten();
        headers.into_iter().any(|(_, value)| value == secret)
    }

    /// Returns whether a registered webhook is as wanted. If the provider does not show the headers, they may be old, and it is not.
    pub(super) fn is_met_by(&self, webhook: &RegisteredWebhook, events: &[&str]) -> bool {
        let folded = |words: Vec<&str>| -> BTreeSet<String> {
            words.iter().map(|word| word.to_lowercase()).collect()
        };
        let shown = webhook.headers.as_deref().unwrap_or_default();
        let has = |(key, value): (&str, &str)| {
            shown
                .iter()
                .any(|(its, text)| its.eq_ignore_ascii_case(key) && text == value)
        };
        let events_fit = webhook.events.as_ref().is_none_or(|its| {
            folded(its.iter().map(String::as_str).collect()) == folded(events.to_vec())
        });
        webhook.request_url == self.request_url.as_str()
            && webhook.enabled
            && !webhook.limited
            && events_fit
            && self.headers().into_iter().all(has)
    }
}
