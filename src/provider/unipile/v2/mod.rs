//! Unipile's API v2. All customers share one address, and the account stands in the path.
//!
//! Answers about an account come from a cache of one hour by default. So every request asks past it, and the age of the answer tells
//! whether that worked.

mod error;
mod place;
mod read;
mod register;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Method, Url};
use secrecy::SecretString;
use serde_json::{Map, Value};

use self::error::{CallKind, judge, judge_fields};
use self::place::Place;
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::provider::Provider;
use crate::provider::answers::{
    AccountsPage, Chat, ListedAccount, Profile, RelationsPage, SentInvitationsPage,
};
use crate::provider::api::{Answer, Call, ProviderApi, Registering};
use crate::provider::error::CallError;
use crate::provider::identifier::safe_identifier;
use crate::provider::json::object;
use crate::provider::permit::Permit;
use crate::provider::register::{RegisterError, RegisterStep};
use crate::provider::transport::{Judge, Request, Transport};

/// The size that is allowed for each item of a page, in bytes.
const ITEM_BYTES_MAX: usize = 8 << 10;
/// The size that is allowed for a page besides its items, in bytes.
const PAGE_BYTES_MAX: usize = 64 << 10;
/// The largest page that the provider accepts.
const PAGE_SIZE_MAX: u32 = 100;

/// A client for one key of Unipile's API v2. Cheap to clone.
#[derive(Clone)]
pub struct UnipileV2 {
    transport: Transport,
    secret_file: Option<PathBuf>,
}

impl UnipileV2 {
    /// Makes a client for `base_url` (`https://api.unipile.com`, with or without `/v2` or a slash at its end). A call takes at most
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
        let setting = "unipile_v2.base_url";
        Ok(Self {
            transport: Transport::new(base_url, setting, key, timeout, clock)?,
            secret_file: None,
        })
    }

    /// Sets the file in which registering keeps the signing secrets.
    #[must_use]
    pub fn with_secret_file(self, secret_file: Option<PathBuf>) -> Self {
        Self {
            secret_file,
            ..self
        }
    }

    fn url(&self, segments: &[&str]) -> Url {
        let path = self.transport.base().path().trim_end_matches('/');
        let prefix: &[&str] = if path.ends_with("/v2") { &[] } else { &["v2"] };
        self.transport.url(prefix, segments)
    }

    async fn call<T>(
        &self,
        permit: Option<Permit>,
        kind: CallKind,
        request: Request<'_>,
        read: impl FnOnce(&Map<String, Value>) -> Result<T, String>,
    ) -> Result<Answer<T>, CallError> {
        let judge = move |status, retry_after, body: &[u8]| judge(kind, status, retry_after, body);
        self.judged(permit, kind, request, &judge, read).await
    }

    /// Makes a call whose errors `judge` classifies.
    async fn judged<T>(
        &self,
        permit: Option<Permit>,
        kind: CallKind,
        request: Request<'_>,
        judge: Judge<'_>,
        read: impl FnOnce(&Map<String, Value>) -> Result<T, String>,
    ) -> Result<Answer<T>, CallError> {
        let request = Request {
            past_cache: request.method == Method::GET,
            ..request
        };
        self.transport
            .call(permit, request, judge, |body| {
                let fields = object(body).map_err(CallError::InvalidResponse)?;
                if fields.get("object").and_then(Value::as_str) == Some("Error") {
                    let status = fields.get("status").and_then(Value::as_u64);
                    let status = status.and_then(|status| u16::try_from(status).ok());
                    return Err(judge_fields(kind, status.unwrap_or(500), None, &fields));
                }
                read(&fields).map_err(CallError::InvalidResponse)
            })
            .await
    }

    /// Makes the request of a page. Beside a cursor no other parameter is allowed: the cursor carries the query and its limit.
    fn page<'a>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        place: &Place,
        limit: u32,
    ) -> Request<'a> {
        let mut url = self.url(segments);
        {
            let mut pairs = url.query_pairs_mut();
            if let Place::Cursor(cursor) = place {
                pairs.append_pair("cursor", cursor);
            } else {
                pairs.extend_pairs(query);
                pairs.append_pair("limit", &limit.to_string());
            }
            if let Place::Offset(offset @ 1..) = place {
                pairs.append_pair("offset", &offset.to_string());
            }
        }
        Request {
            bytes_max: PAGE_BYTES_MAX + limit as usize * ITEM_BYTES_MAX,
            ..Request::get(url)
        }
    }
}

/// Fails without a call.
fn refused<'a, T: Send + 'a>(error: CallError) -> Call<'a, T> {
    Box::pin(async { Err(error) })
}

/// The error for a cursor that another API made.
const FOREIGN_CURSOR: CallError = CallError::CursorExpired { status: 400 };

impl ProviderApi for UnipileV2 {
    fn provider(&self) -> Provider {
        Provider::UnipileV2
    }

    fn relations<'a>(
        &'a self,
        permit: Permit,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> Call<'a, RelationsPage> {
        let limit = limit.clamp(1, PAGE_SIZE_MAX);
        let Ok(place) = Place::parse(cursor) else {
            return refused(FOREIGN_CURSOR);
        };
        Box::pin(async move {
            let account = permit.wire_id().clone();
            let segments = [account.as_str(), "users", "me", "relations"];
            let request = self.page(&segments, &[], &place, limit);
            let kind = CallKind::Relations {
                later: !place.is_first(),
            };
            let answer = self
                .call(Some(permit), kind, request, |fields| {
                    read::relations(fields, &place, limit)
                })
                .await;
            match (answer, &place) {
                // The list is not paged by offset, so the full page before was the last one.
                (Err(CallError::CursorExpired { .. }), Place::Offset(1..)) => Ok(Answer {
                    value: RelationsPage {
                        items: Vec::new(),
                        cursor: None,
                        unusable: 0,
                        newest_first: false,
                    },
                    age: Duration::ZERO,
                    _memory: None,
                }),
                (answer, _) => answer,
            }
        })
    }

    fn profile<'a>(
        &'a self,
        permit: Permit,
        identifier: &'a str,
        slashed: bool,
    ) -> Call<'a, Profile> {
        if !safe_identifier(identifier) {
            return refused(CallError::NotFound);
        }
        let account = permit.wire_id().as_str();
        let url = if slashed {
            self.url(&[account, "users", identifier, ""])
        } else {
            self.url(&[account, "users", identifier])
        };
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
        let limit = limit.clamp(1, PAGE_SIZE_MAX);
        let Ok(Place::Offset(offset)) = Place::parse(cursor) else {
            return refused(FOREIGN_CURSOR);
        };
        let segments = [
            permit.wire_id().as_str(),
            "users",
            "me",
            "relation-requests",
        ];
        let place = Place::Offset(offset);
        let request = self.page(&segments, &[("type", "sent")], &place, limit);
        let kind = CallKind::SentInvitations { later: offset > 0 };
        Box::pin(self.call(Some(permit), kind, request, move |fields| {
            read::sent_invitations(fields, offset, limit)
        }))
    }

    fn chat<'a>(&'a self, permit: Permit, chat_id: &'a str) -> Call<'a, Chat> {
        let url = self.url(&[permit.wire_id().as_str(), "chats", chat_id]);
        Box::pin(self.call(Some(permit), CallKind::Chat, Request::get(url), read::chat))
    }

    fn accounts<'a>(&'a self, cursor: Option<&'a str>) -> Call<'a, AccountsPage> {
        let Ok(Place::Offset(offset)) = Place::parse(cursor) else {
            return refused(FOREIGN_CURSOR);
        };
        let request = self.page(
            &["accounts", ""],
            &[],
            &Place::Offset(offset),
            PAGE_SIZE_MAX,
        );
        Box::pin(self.call(None, CallKind::Core, request, move |fields| {
            read::accounts(fields, offset)
        }))
    }

    fn account<'a>(&'a self, id: &'a AccountId) -> Call<'a, ListedAccount> {
        let url = self.url(&["accounts", id.as_str()]);
        Box::pin(
            self.call(None, CallKind::Core, Request::get(url), |fields| {
                read::account(fields).ok_or_else(|| "the answer is no LinkedIn account".to_owned())
            }),
        )
    }

    fn register<'a>(
        &'a self,
        public_url: &'a Url,
        rotate: bool,
        done: &'a mut (dyn FnMut(RegisterStep) + Send),
    ) -> Registering<'a> {
        Box::pin(async move {
            let Some(secret_file) = &self.secret_file else {
                return Err(RegisterError::Settings(
                    "unipile_v2.secret_file is not set: the signing secrets that the provider makes need a place"
                        .to_owned(),
                ));
            };
            register::register(self, public_url, secret_file, rotate, done).await
        })
    }
}

impl std::fmt::Debug for UnipileV2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.transport.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_may_end_in_the_version_or_a_slash() {
        for base in [
            "http://h:1",
            "http://h:1/",
            "http://h:1/v2",
            "http://h:1/v2/",
        ] {
            let base = Url::parse(base).expect("an address");
            let key = SecretString::from("k");
            let client = UnipileV2::new(&base, key, Duration::from_secs(1), Clock::system())
                .expect("a client");
            assert_eq!(
                client.url(&["acc_1", "users", "a b"]).as_str(),
                "http://h:1/v2/acc_1/users/a%20b"
            );
        }
    }
}
