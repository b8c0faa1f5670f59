//! Outgoing HTTP: what every client of ours has in common. No redirects, no proxy, no cookies, no retries and no reused
//! connections of its own: who calls decides what happens next.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, redirect, retry};

/// The longest a connection may take to come up, unless the whole call has less.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// Makes `ring` the process's TLS provider. Every function here does it; needed only by who builds a client elsewhere.
pub fn tls_ready() {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| {
        // An error means that another library was first, and then there is a provider, which is all that is needed.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client whose calls end within `timeout`, body included.
///
/// Connections are not kept: a kept one may be closed by the other side just as it is used again, and then nobody knows
/// whether the request was read.
///
/// # Errors
/// When TLS can't be set up.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    tls_ready();
    settings(timeout).build().or_else(|error| {
        // A machine without any root certificate can still call plain HTTP, on loopback above all.
        tracing::warn!(%error, "no root certificates: https calls will be refused");
        settings(timeout).tls_certs_only([]).build()
    })
}

fn settings(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("acceptd/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .connect_timeout(timeout.min(CONNECT_TIMEOUT_MAX))
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
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

/// What went wrong with a request, down to its cause, without the address: an address may hold a secret.
#[must_use]
pub fn describe(error: reqwest::Error) -> String {
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
