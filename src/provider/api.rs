//! The boundary to a provider: what polling, resyncs, registration and the account list ask for, whichever API answers.
//!
//! Each API is a folder of its own that implements [`ProviderApi`]. Polling, pacing and stamping know only this trait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Url;

use super::answers::{
    AccountsPage, Chat, ListedAccount, Profile, RelationsPage, SentInvitationsPage,
};
use super::error::CallError;
use super::memory::BodyMemory;
use super::permit::Permit;
use super::register::{RegisterError, RegisterStep};
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;

/// An answer of a provider.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// How old the answer was when it was given: zero, unless it came from a cache of the provider.
    pub age: Duration,
    /// The memory that the answer takes.
    pub(super) _memory: Option<BodyMemory>,
}

/// A call in progress.
pub type Call<'a, T> = BoxFuture<'a, Result<Answer<T>, CallError>>;

/// A registration in progress.
pub type Registering<'a> = BoxFuture<'a, Result<(), RegisterError>>;

/// One API of a provider. Every call about an account takes a [`Permit`]; following a page, a redirect or a retry takes another one.
pub trait ProviderApi: Send + Sync + fmt::Debug {
    /// Returns the provider that this API belongs to.
    fn provider(&self) -> Provider;

    /// Reads one page of the account's relations; without a cursor, the first page. Cursors are opaque and belong to this API.
    fn relations<'a>(
        &'a self,
        permit: Permit,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> Call<'a, RelationsPage>;

    /// Reads a person's profile as the account sees it. `identifier` is a provider id or a public identifier. With `slashed`, the path
    /// ends in a slash; use it after [`CallError::Redirect`].
    fn profile<'a>(
        &'a self,
        permit: Permit,
        identifier: &'a str,
        slashed: bool,
    ) -> Call<'a, Profile>;

    /// Reads one page of the invitations that the account sent and that are still pending. A page without a
    /// cursor is the end of the list.
    fn sent_invitations<'a>(
        &'a self,
        permit: Permit,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> Call<'a, SentInvitationsPage>;

    /// Reads who takes part in a chat. Only an API whose messages do not say so needs to answer; the others return
    /// [`CallError::NotFound`].
    fn chat<'a>(&'a self, permit: Permit, chat_id: &'a str) -> Call<'a, Chat>;

    /// Reads one page of the provider's accounts. It needs no permit, because it is no call for an account.
    fn accounts<'a>(&'a self, cursor: Option<&'a str>) -> Call<'a, AccountsPage>;

    /// Reads one account of the provider's list. It needs no permit, because it is no call for an account.
    fn account<'a>(&'a self, id: &'a AccountId) -> Call<'a, ListedAccount>;

    /// Registers the webhooks of the installation at `public_url`, or repairs them. Safe to repeat. `done` is called after each step.
    /// With `rotate`, an API that makes the secrets of webhooks itself replaces a webhook that is as wanted.
    fn register<'a>(
        &'a self,
        public_url: &'a Url,
        rotate: bool,
        done: &'a mut (dyn FnMut(RegisterStep) + Send),
    ) -> Registering<'a>;
}

/// A configured API.
#[derive(Debug, Clone)]
pub struct Client {
    /// The API.
    pub api: Arc<dyn ProviderApi>,
    /// A fingerprint of the key and the address. A refused key is not tried again until this changes.
    pub key_fingerprint: String,
}

/// The configured APIs.
#[derive(Debug, Clone, Default)]
pub struct Clients(BTreeMap<Provider, Client>);

impl Clients {
    /// Adds a configured API.
    pub fn add(&mut self, client: Client) {
        self.0.insert(client.api.provider(), client);
    }

    /// Returns the API that serves accounts of a provider. Accounts of Unipile's API v1 are served by v2 if v1 is not configured.
    #[must_use]
    pub fn serving(&self, provider: Provider) -> Option<&Client> {
        let configured = self.0.get(&provider);
        match provider {
            Provider::Unipile => configured.or_else(|| self.0.get(&Provider::UnipileV2)),
            Provider::UnipileV2 | Provider::Sendpilot => configured,
        }
    }

    /// Returns every configured API.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.0.values()
    }

    /// Returns whether no API is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
