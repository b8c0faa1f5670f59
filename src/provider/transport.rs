//! One HTTP call to a provider. Times and sizes are bounded, redirects are not followed, and failed calls are not repeated.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, Url, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::timeout_at;

use super::api::Answer;
use super::deadline::{self, DeadlineLayer, NotWritten};
use super::error::{CallError, RETRY_AFTER_MAX};
use super::memory::{self, BodyMemory};
use super::permit::Permit;
use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::http::{self, BodyError, Reach};

/// The largest answer that is read unless a request says otherwise, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;
/// The largest error that is read, in bytes.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Makes the calls that carry one API key. Cheap to clone.
#[derive(Clone)]
pub(super) struct Transport {
    http: Client,
    base: Url,
    key: SecretString,
    timeout: Duration,
    clock: Clock,
}

/// A request of an API.
pub(super) struct Request<'a> {
    pub method: Method,
    pub url: Url,
    pub json: Option<&'a Value>,
    /// The largest answer that is read, in bytes.
    pub bytes_max: usize,
    /// Whether a cache of the provider must not answer.
    pub past_cache: bool,
    /// Whether a redirect to the same path with a slash is reported as [`CallError::Redirect`].
    pub reports_slash: bool,
}

impl Request<'_> {
    /// Makes a GET request for a small answer.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            json: None,
            bytes_max: BODY_BYTES_MAX,
            past_cache: false,
            reports_slash: false,
        }
    }
}

/// Classifies an answer that is not a success, by its status, its `Retry-After` and its body.
pub(super) type Judge<'a> = &'a (dyn Fn(u16, Option<Duration>, &[u8]) -> CallError + Send + Sync);

impl Transport {
    /// Makes a transport for `base_url`, which `setting` names. A call takes at most `timeout`, including its body.
    ///
    /// # Errors
    /// A sentence for operators, if the address is not an HTTP address or TLS can't be set up.
    pub fn new(
        base_url: &Url,
        setting: &str,
        key: SecretString,
        timeout: Duration,
        clock: Clock,
    ) -> Result<Self, String> {
        let mut base = base_url.clone();
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(format!("{setting}: must start with https:// or http://"));
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

    /// Returns the address that calls go to.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the base address extended by segments, each of which is percent-encoded.
    pub fn url(&self, prefix: &[&str], segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // An http or https address always has a path that can be extended.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(prefix).extend(segments);
        }
        url
    }

    /// Makes one call and parses its answer. A call about an account consumes its permit and is written within a second of it, or not
    /// at all.
    pub async fn call<T>(
        &self,
        permit: Option<Permit>,
        request: Request<'_>,
        judge: Judge<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, CallError>,
    ) -> Result<Answer<T>, CallError> {
        let give_up_at = Instant::now() + self.timeout;
        let mut sent = self
            .http
            .request(request.method, request.url.clone())
            .header(header::ACCEPT, "application/json")
            .header("X-API-KEY", self.key.expose_secret());
        if request.past_cache {
            sent = sent.header(header::CACHE_CONTROL, "no-cache");
        }
        if let Some(json) = request.json {
            sent = sent.json(json);
        }
        let sent = deadline::leave_by(permit.map(Permit::spend), sent.send()).await;
        let response = sent.map_err(transport_error)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(
                if request.reports_slash && to_slashed(&request.url, &response) {
                    CallError::Redirect
                } else {
                    CallError::InvalidResponse(format!(
                        "a redirect ({status}) that is not followed"
                    ))
                },
            );
        }
        let bytes_max = request.bytes_max;
        if status.is_success() {
            let age = age(&response);
            let declared = response.content_length().map(usize::try_from);
            let bytes = declared.and_then(Result::ok).unwrap_or(bytes_max);
            let memory = timeout_at(give_up_at.into(), BodyMemory::take(bytes.min(bytes_max)));
            let memory = memory.await.map_err(|_| CallError::TimedOut)?;
            let body = http::read_body(response, bytes_max)
                .await
                .map_err(body_error)?;
            let _turn = memory::parse_turn().await;
            return Ok(Answer {
                value: read(&body)?,
                age,
                _memory: Some(memory),
            });
        }
        let retry_after = retry_after(&response, self.clock.now());
        // If the body of an error can't be read, the status alone is judged.
        let body = http::read_body(response, ERROR_BYTES_MAX)
            .await
            .unwrap_or_default();
        Err(judge(status.as_u16(), retry_after, &body))
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
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

/// Returns how old the answer says it is.
fn age(response: &Response) -> Duration {
    let seconds = response
        .headers()
        .get(header::AGE)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
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
