//! The client for Unipile's API. Times and sizes are bounded, redirects are not followed, and failed calls are not repeated.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, Url, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::timeout_at;

use super::deadline::{self, DeadlineLayer, NotWritten};
use super::error::{CallError, CallKind, RETRY_AFTER_MAX, judge};
use super::memory::{self, BodyMemory};
use super::permit::Permit;
use super::types::{Profile, RegisteredWebhook, RelationsPage, created_webhook_id};
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::http::{self, BodyError, Reach};

/// The size that is allowed for each relation of a page, in bytes. Real ones are below 1,000 bytes.
const RELATION_BYTES_MAX: usize = 4 << 10;
/// The size that is allowed for a page besides its relations, in bytes.
const PAGE_BYTES_MAX: usize = 64 << 10;
/// The largest profile or webhook answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The largest error that is read, in bytes.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// The largest page of relations that the provider documents.
pub const PAGE_SIZE_MAX: u32 = 1_000;

/// Words that are routes below `/api/v1/users/`, so they can't be asked for as identifiers. They come from the provider's documentation,
/// its SDK, and the names of its other lists.
const ROUTES: &[&str] = &[
    "me",
    "relations",
    "connections",
    "invite",
    "invitations",
    "invitation",
    "followers",
    "following",
    "search",
    "posts",
    "comments",
    "reactions",
    "users",
    "company",
    "companies",
    "edit",
    "sent",
    "received",
];

/// The longest identifier that is sent, in characters.
const IDENTIFIER_MAX: usize = 256;

/// Returns whether an identifier may be put into the path of a profile call: it is neither a route of the provider nor a path.
/// Everything else is percent-encoded as one segment.
#[must_use]
pub fn safe_identifier(text: &str) -> bool {
    let folded = text.to_lowercase();
    !text.is_empty()
        && text.trim() == text
        && text.chars().take(IDENTIFIER_MAX + 1).count() <= IDENTIFIER_MAX
        && !ROUTES.contains(&folded.as_str())
        && !text
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%'))
        && text.chars().any(|c| c != '.')
}

/// A client for one Unipile API key. Cheap to clone.
#[derive(Clone)]
pub struct Unipile {
    http: Client,
    base: Url,
    key: SecretString,
    timeout: Duration,
    clock: Clock,
}

impl Unipile {
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
        let mut base = base_url.clone();
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err("unipile.base_url: must start with https:// or http://".to_owned());
        }
        base.set_query(None);
        base.set_fragment(None);
        let http = http::build(timeout, Reach::Any, |settings| {
            settings
                .pool_max_idle_per_host(0)
                .connector_layer(DeadlineLayer)
        });
        Ok(Self {
            http: http.map_err(http::describe)?,
            base,
            key,
            timeout,
            clock,
        })
    }

    /// Reads one page of the account's relations, newest first; without a cursor, the first page. Keep the [`BodyMemory`] for as long as
    /// the page.
    pub async fn relations(
        &self,
        permit: Permit,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<(RelationsPage, BodyMemory), CallError> {
        let limit = limit.clamp(1, PAGE_SIZE_MAX);
        let mut url = self.url(&["users", "relations"]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("account_id", permit.account().as_str());
            query.append_pair("limit", &limit.to_string());
            if let Some(cursor) = cursor {
                query.append_pair("cursor", cursor);
            }
        }
        let asked = CallKind::Relations {
            cursor: cursor.is_some(),
        };
        let bytes_max = PAGE_BYTES_MAX + limit as usize * RELATION_BYTES_MAX;
        let (body, memory) = self
            .call(Some(permit), asked, Method::GET, url, None, bytes_max)
            .await?;
        let page = read(&body, RelationsPage::read).await?;
        Ok((page, memory))
    }

    /// Reads a person's profile as the account sees it. `identifier` is a provider id or a public identifier. With `slashed`, the path
    /// ends in a slash; use it after [`CallError::Redirect`], with a new permit.
    ///
    /// # Errors
    /// [`CallError::NotFound`], without a call, if the identifier is not [safe](safe_identifier).
    pub async fn profile(
        &self,
        permit: Permit,
        identifier: &str,
        slashed: bool,
    ) -> Result<Profile, CallError> {
        if !safe_identifier(identifier) {
            return Err(CallError::NotFound);
        }
        let mut url = if slashed {
            self.url(&["users", identifier, ""])
        } else {
            self.url(&["users", identifier])
        };
        url.query_pairs_mut()
            .append_pair("account_id", permit.account().as_str());
        let (body, _memory) = self
            .call(
                Some(permit),
                CallKind::Profile,
                Method::GET,
                url,
                None,
                BODY_BYTES_MAX,
            )
            .await?;
        read(&body, Profile::read).await
    }

    /// Reads one page of the registered webhooks, and the cursor of the next one. It needs no permit, because it is about no account.
    pub async fn webhooks(
        &self,
        cursor: Option<&str>,
    ) -> Result<(Vec<RegisteredWebhook>, Option<String>), CallError> {
        let mut url = self.url(&["webhooks"]);
        url.query_pairs_mut().append_pair("limit", "250");
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let (body, _memory) = self
            .call(
                None,
                CallKind::Webhooks,
                Method::GET,
                url,
                None,
                BODY_BYTES_MAX,
            )
            .await?;
        read(&body, RegisteredWebhook::read_page).await
    }

    /// Registers a webhook and returns its id. It needs no permit, because it is about no account.
    pub async fn create_webhook(&self, wanted: &Value) -> Result<String, CallError> {
        let url = self.url(&["webhooks"]);
        let (body, _memory) = self
            .call(
                None,
                CallKind::Webhooks,
                Method::POST,
                url,
                Some(wanted),
                BODY_BYTES_MAX,
            )
            .await?;
        read(&body, created_webhook_id).await
    }

    /// Removes a webhook. A webhook that does not exist counts as removed. It needs no permit, because it is about no account.
    pub async fn delete_webhook(&self, id: &str) -> Result<(), CallError> {
        let url = self.url(&["webhooks", id]);
        match self
            .call(
                None,
                CallKind::Webhooks,
                Method::DELETE,
                url,
                None,
                BODY_BYTES_MAX,
            )
            .await
        {
            Ok(_) | Err(CallError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // An http or https address always has a path that can be extended.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(segments);
        }
        url
    }

    /// Makes one call. A call about an account consumes its permit and is written within a second of it, or not at all.
    async fn call(
        &self,
        permit: Option<Permit>,
        asked: CallKind,
        method: Method,
        url: Url,
        json: Option<&Value>,
        bytes_max: usize,
    ) -> Result<(Vec<u8>, BodyMemory), CallError> {
        let give_up_at = Instant::now() + self.timeout;
        let mut request = self
            .http
            .request(method, url.clone())
            .header(header::ACCEPT, "application/json")
            .header("X-API-KEY", self.key.expose_secret());
        if let Some(json) = json {
            request = request.json(json);
        }
        let sent = deadline::leave_by(permit.map(Permit::spend), request.send()).await;
        let response = sent.map_err(transport_error)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(
                if asked == CallKind::Profile && to_slashed(&url, &response) {
                    CallError::Redirect
                } else {
                    CallError::InvalidResponse(format!(
                        "a redirect ({status}) that is not followed"
                    ))
                },
            );
        }
        if status.is_success() {
            let declared = response.content_length().map(usize::try_from);
            let bytes = declared.and_then(Result::ok).unwrap_or(bytes_max);
            let memory = timeout_at(give_up_at.into(), BodyMemory::take(bytes.min(bytes_max)));
            let memory = memory.await.map_err(|_| CallError::TimedOut)?;
            let body = http::read_body(response, bytes_max)
                .await
                .map_err(body_error)?;
            return Ok((body, memory));
        }
        let retry_after = retry_after(&response, self.clock.now());
        // If the body of an error can't be read, the status alone is judged.
        let body = http::read_body(response, ERROR_BYTES_MAX)
            .await
            .unwrap_or_default();
        Err(judge(asked, status.as_u16(), retry_after, &body))
    }
}

/// Parses a body.
async fn read<T>(
    body: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<T, CallError> {
    let _turn = memory::parse_turn().await;
    read(body).map_err(CallError::InvalidResponse)
}

impl std::fmt::Debug for Unipile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unipile")
            .field("host", &self.base.host_str())
            .finish_non_exhaustive()
    }
}

/// Returns whether a redirect leads to the same address with a slash at the end of its path. Its query is not compared, because ours is
/// sent again.
fn to_slashed(asked: &Url, response: &Response) -> bool {
    let target = response
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|location| asked.join(location).ok());
    target.is_some_and(|target| {
        target.origin() == asked.origin()
            && !asked.path().ends_with('/')
            && target.path().strip_suffix('/') == Some(asked.path())
    })
}

/// Returns the wait that the provider asks for, at most [`RETRY_AFTER_MAX`].
fn retry_after(response: &Response, now: Timestamp) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    Some(http::retry_after(value.to_str().ok()?, now)?.min(RETRY_AFTER_MAX))
}

fn transport_error(error: reqwest::Error) -> CallError {
    match http::cause::<NotWritten>(&error) {
        None => {}
        Some(NotWritten::TooLate) => return CallError::NotMade,
        Some(why) => {
            return CallError::Unreachable {
                written: false,
                detail: why.to_string(),
            };
        }
    }
    let unsent = error.is_connect() || error.is_builder();
    if error.is_timeout() && !unsent {
        return CallError::TimedOut;
    }
    CallError::Unreachable {
        written: !unsent,
        detail: http::describe(error),
    }
}

fn body_error(error: BodyError) -> CallError {
    match error {
        BodyError::TooLarge { .. } => CallError::InvalidResponse(error.to_string()),
        BodyError::Broken(error) => transport_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_and_no_path_is_an_identifier() {
        for good in [
            "mira-halvorsen",
            "ACoAACuVS84BeK9T8HVq6sOoJI4OmDNDsYpaF4s",
            "jürgen",
            "a.b",
            "mira+1",
        ] {
            assert!(safe_identifier(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "...",
            "me",
            "Me",
            "RELATIONS",
            "invite",
            "a/b",
            "a%2Fb",
            "a?b",
            "a#b",
            " me",
            "a\\b",
            "a\nb",
        ] {
            assert!(!safe_identifier(bad), "{bad}");
        }
        assert!(!safe_identifier(&"a".repeat(IDENTIFIER_MAX + 1)));
    }

    #[test]
    fn the_base_may_have_a_path_and_a_slash() {
        for base in ["http://h:1/x", "http://h:1/x/"] {
            let base = Url::parse(base).expect("an address");
            let key = SecretString::from("k");
            let client = Unipile::new(&base, key, Duration::from_secs(1), Clock::system())
                .expect("a client");
            assert_eq!(
                client.url(&["users", "a b", ""]).as_str(),
                "http://h:1/x/api/v1/users/a%20b/"
            );
        }
    }
}
