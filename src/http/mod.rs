//! Outgoing HTTP: the settings that every client shares. No redirects, no proxy, no cookies, no retries, no reused connections
//! unless a caller asks for them. Names are resolved by one asynchronous resolver for the whole process.

mod files;
mod lookup;
mod names;
mod places;
mod reach;
mod retry_after;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, redirect, retry};

pub use files::Files;
pub use names::{Names, ResolveError};
pub use reach::{Reach, RefusedAddress};
pub use retry_after::retry_after;

/// The longest time in which a connection must be established, name resolution included.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// Installs `ring` as the TLS provider of the process. Every function here calls it. Call it yourself before you build a client
/// elsewhere.
pub fn tls_ready() {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| {
        // An error means that another library installed a provider first. Any provider will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

static NAMES: OnceLock<Arc<Names>> = OnceLock::new();

/// Reads the name servers of this process from `resolv_conf` instead of `/etc/resolv.conf`. Call it before the first client is
/// built; afterwards it has no effect.
pub fn use_resolv_conf(resolv_conf: PathBuf) {
    NAMES.get_or_init(|| {
        Arc::new(Names::new(Files {
            resolv_conf,
            ..Files::default()
        }))
    });
}

/// The resolver of this process.
fn names() -> Arc<Names> {
    let of_the_system = || Arc::new(Names::new(Files::default()));
    NAMES.get_or_init(of_the_system).clone()
}

/// The part of `timeout` that a client spends on the name and the connection. It is shorter than `timeout`, so that a server
/// that can't be reached is not mistaken for one that does not answer.
#[must_use]
pub fn connect_timeout(timeout: Duration) -> Duration {
    (timeout * 2 / 3).min(CONNECT_TIMEOUT_MAX)
}

/// Returns a client whose calls end within `timeout`, body included.
///
/// Connections are not kept: the server may close a kept connection at the moment it is used again, and then it is unknown
/// whether the request was read.
///
/// # Errors
/// When TLS can't be set up.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    build(timeout, Reach::Any, |settings| {
        settings.pool_max_idle_per_host(0)
    })
}

/// Returns a client like [`client()`] that connects only where `reach` allows it, with the settings that `extra` adds. It keeps
/// connections unless `extra` says otherwise. [`Reach::check_url`] is left to the caller.
///
/// # Errors
/// When TLS can't be set up.
pub fn build(
    timeout: Duration,
    reach: Reach,
    extra: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<Client, reqwest::Error> {
    tls_ready();
    extra(settings(timeout, reach)).build().or_else(|error| {
        // A machine without any root certificate can still call plain HTTP, above all on loopback.
        tracing::warn!(%error, "no root certificates: https calls will be refused");
        extra(settings(timeout, reach)).tls_certs_only([]).build()
    })
}

fn settings(timeout: Duration, reach: Reach) -> ClientBuilder {
    let connect = connect_timeout(timeout);
    Client::builder()
        .user_agent(concat!("acceptd/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .connect_timeout(connect)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .dns_resolver(names::ForClient {
            names: names(),
            // The look-up ends before the connect timeout, so that the error names the cause.
            patience: connect * 3 / 4,
            reach,
        })
}

/// Why a body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Larger than the reader takes.
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What the reader takes.
        limit_bytes: usize,
    },
    /// The connection ended or stalled first.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
}

/// Reads a body, but never more than `limit_bytes` of it.
///
/// # Errors
/// [`BodyError`] when it is larger, or does not come whole.
pub async fn read_body(mut response: Response, limit_bytes: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > limit_bytes {
            return Err(BodyError::TooLarge { limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns the first error of type `T` among the causes of `error`.
#[must_use]
pub fn cause<'e, T: std::error::Error + 'static>(
    error: &'e (dyn std::error::Error + 'static),
) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// What went wrong with a request, down to its cause, without the address: an address may hold a secret.
#[must_use]
pub fn describe(error: reqwest::Error) -> String {
    if let Some(unresolved) = cause::<ResolveError>(&error) {
        return unresolved.to_string();
    }
    if error.is_connect() && error.is_timeout() {
        return "the connection was not established in time".to_owned();
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}
