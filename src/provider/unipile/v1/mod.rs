//! Unipile's API v1. Each customer has an address of its own, and calls name the account as `account_id`.

#[cfg(test)]
mod client_tests;
mod error;
mod read;
pub mod register;
mod webhooks;

use std::time::Duration;

use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use self::error::{CallKind, judge};
use self::register::Wanted;
use self::webhooks::{RegisteredWebhook, created_webhook_id};
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::provider::answers::{
    AccountsPage, Chat, ListedAccount, Profile, RelationsPage, SentInvitationsPage,
};
use crate::provider::api::{Answer, Call, ProviderApi, Registering};
use crate::provider::error::CallError;
use crate::provider::identifier::safe_identifier;
use crate::provider::permit::Permit;
use crate::provider::register::{RegisterError, RegisterStep};
use crate::provider::transport::{Request, Transport};

/// The size that is allowed for each relation of a page, in bytes. Real ones are below 1,000 bytes.
const RELATION_BYTES_MAX: usize = 4 << 10;
/// The size that is allowed for a page besides its relations, in bytes.
const PAGE_BYTES_MAX: usize = 64 << 10;
/// The largest page of relations that the provider documents.
const PAGE_SIZE_MAX: u32 = 1_000;
/// The largest page of sent invitations that every version of the provider accepts.
const INVITATIONS_MAX: u32 = 100;

/// The path below the base address.
const PREFIX: [&str; 2] = ["api", "v1"];

/// A client for one key of Unipile's API v1. Cheap to clone.
#[derive(Clone)]
pub struct UnipileV1 {
    transport: Transport,
    webhook_header: String,
    webhook_secret: SecretString,
}

impl UnipileV1 {
    /// Makes a client for `base_url` (`https://apiN.unipile.com:PORT`, with or without a path or a slash at its end). A call takes at most
    /// `timeout`, including its body.
    ///
    /// # Errors
    /// A sentence for operators, if the address is not an HTTP address or TLS can't be set up.
    pub fn new(
        base_url: &Url,
        key: SecretString,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, String> {
        Ok(Self {
            transport: Transport::new(base_url, "unipile.base_url", key, timeout, clock)?,
            webhook_header: String::new(),
            webhook_secret: SecretString::from(""),
        })
    }

    /// Sets the static header and its secret, which registered webhooks carry.
    #[must_use]
    pub fn with_webhook_header(self, header: &str, secret: SecretString) -> Self {
        Self {
            webhook_header: header.to_owned(),
            webhook_secret: secret,
            ..self
        }
    }

    fn url(&self, segments: &[&str]) -> Url {
        self.transport.url(&PREFIX, segments)
    }

    async fn call<T>(
        &self,
        permit: Option<Permit>,
        kind: CallKind,
        request: Request<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<Answer<T>, CallError> {
        let judge = move |status, retry_after, body: &[u8]| judge(kind, status, retry_after, body);
        self.transport
            .call(permit, request, &judge, |body| {
                read(body).map_err(CallError::InvalidResponse)
            })
            .await
    }

    /// Reads one page of the registered webhooks, and the cursor of the next one. It needs no permit, because it is about no account.
    async fn webhooks(
        &self,
        cursor: Option<&str>,
    ) -> Result<(Vec<RegisteredWebhook>, Option<String>), CallError> {
        let mut url = self.url(&["webhooks"]);
        url.query_pairs_mut().append_pair("limit", "250");
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let request = Request::get(url);
        let answer = self
            .call(None, CallKind::Core, request, RegisteredWebhook::read_page)
            .await?;
        Ok(answer.value)
    }

    /// Registers a webhook and returns its id. It needs no permit, because it is about no account.
    async fn create_webhook(&self, wanted: &Value) -> Result<String, CallError> {
        let request = Request {
            method: Method::POST,
            json: Some(wanted),
            ..Request::get(self.url(&["webhooks"]))
        };
        let answer = self
            .call(None, CallKind::Core, request, created_webhook_id)
            .await?;
        Ok(answer.value)
    }

    /// Removes a webhook. A webhook that does not exist counts as removed. It needs no permit, because it is about no account.
    async fn delete_webhook(&self, id: &str) -> Result<(), CallError> {
        let request = Request {
            method: Method::DELETE,
            ..Request::get(self.url(&["webhooks", id]))
        };
        match self.call(None, CallKind::Core, request, |_| Ok(())).await {
            Ok(_) | Err(CallError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl ProviderApi for UnipileV1 {
    fn provider(&self) -> Provider {
        Provider::Unipile
    }

    fn relations<'a>(
        &'a self,
        permit: Permit,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> Call<'a, RelationsPage> {
        let limit = limit.clamp(1, PAGE_SIZE_MAX);
        let mut url = self.url(&["users", "relations"]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("account_id", permit.wire_id().as_str());
            query.append_pair("limit", &limit.to_string());
            if let Some(cursor) = cursor {
                query.append_pair("cursor", cursor);
            }
        }
        let kind = CallKind::Relations {
            cursor: cursor.is_some(),
        };
        let request = Request {
            bytes_max: PAGE_BYTES_MAX + limit as usize * RELATION_BYTES_MAX,
            ..Request::get(url)
        };
        Box::pin(self.call(Some(permit), kind, request, read::relations))
    }

    fn profile<'a>(
        &'a self,
        permit: Permit,
        identifier: &'a str,
        slashed: bool,
    ) -> Call<'a, Profile> {
        if !safe_identifier(identifier) {
            return Box::pin(async { Err(CallError::NotFound) });
        }
        let mut url = if slashed {
            self.url(&["users", identifier, ""])
        } else {
            self.url(&["users", identifier])
        };
        url.query_pairs_mut()
            .append_pair("account_id", permit.wire_id().as_str());
        let request = Request {
            reports_slash: true,
            ..Request::get(url)
        };
        Box::pin(self.call(Some(permit), CallKind::Profile, request, read::profile))
    }

    fn sent_invitations<'a>(
        &'a self,
        permit: Permit,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> Call<'a, SentInvitationsPage> {
        let limit = limit.clamp(1, INVITATIONS_MAX);
        let mut url = self.url(&["users", "invite", "sent"]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("account_id", permit.wire_id().as_str());
            query.append_pair("limit", &limit.to_string());
            if let Some(cursor) = cursor {
                query.append_pair("cursor", cursor);
            }
        }
        let kind = CallKind::SentInvitations {
            cursor: cursor.is_some(),
        };
        let request = Request {
            bytes_max: PAGE_BYTES_MAX + limit as usize * RELATION_BYTES_MAX,
            ..Request::get(url)
        };
        Box::pin(self.call(Some(permit), kind, request, read::sent_invitations))
    }

    fn chat<'a>(&'a self, _permit: Permit, _chat_id: &'a str) -> Call<'a, Chat> {
        // Messages of v1 name their participants.
        Box::pin(async { Err(CallError::NotFound) })
    }

    fn accounts<'a>(&'a self, cursor: Option<&'a str>) -> Call<'a, AccountsPage> {
        let mut url = self.url(&["accounts"]);
        url.query_pairs_mut().append_pair("limit", "250");
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        Box::pin(self.call(None, CallKind::Core, Request::get(url), read::accounts))
    }

    fn account<'a>(&'a self, id: &'a AccountId) -> Call<'a, ListedAccount> {
        let request = Request::get(self.url(&["accounts", id.as_str()]));
        Box::pin(self.call(None, CallKind::Core, request, read::listed_account))
    }

    fn register<'a>(
        &'a self,
        public_url: &'a Url,
        _rotate: bool,
        done: &'a mut (dyn FnMut(RegisterStep) + Send),
    ) -> Registering<'a> {
        Box::pin(async move {
            let secret = SecretString::from(self.webhook_secret.expose_secret());
            let wanted = Wanted::new(public_url, &self.webhook_header, secret)
                .map_err(RegisterError::Settings)?;
            register::register(self, &wanted, |action, id| done(action.step(id))).await?;
            Ok(())
        })
    }
}

impl std::fmt::Debug for UnipileV1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.transport.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_may_have_a_path_and_a_slash() {
        for base in ["http://h:1/x", "http://h:1/x/"] {
            let base = Url::parse(base).expect("an address");
            let key = SecretString::from("k");
            let client = UnipileV1::new(&base, key, Duration::from_secs(1), Clock::system())
                .expect("a client");
            assert_eq!(
                client.url(&["users", "a b", ""]).as_str(),
                "http://h:1/x/api/v1/users/a%20b/"
            );
        }
    }
}
