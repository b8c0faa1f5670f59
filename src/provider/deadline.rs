//! A layer around the connector that refuses requests after their deadline. Slow name resolution or a slow handshake can't delay a
//! request beyond its permit.
//!
//! The deadline is checked last when the connection is established. The request is written next, and nothing in between waits for a
//! peer or a lock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::{BoxError, Layer, Service};

use super::permit::Deadline;

tokio::task_local! {
    /// The deadline of the request that is being sent, or `None` if the request is about no account.
    static DEADLINE: Option<Deadline>;
}

/// Why a request was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotWritten {
    /// The deadline passed before the connection was needed.
    #[error("the call could not leave within a second of its permit")]
    TooLate,
    /// The connection was not established in time.
    #[error("the connection took longer than a second, name resolution and TLS included")]
    NoConnection,
    /// The request was not sent through [`leave_by`]. This is a bug.
    #[error("the request has no deadline")]
    NoDeadline,
}

/// Sends a request that has to be written by `deadline`. Every request of a client with [`DeadlineLayer`] must be sent through this.
pub(super) async fn leave_by<F: Future>(deadline: Option<Deadline>, sending: F) -> F::Output {
    DEADLINE.scope(deadline, sending).await
}

/// Adds the check of the deadline to a connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        DeadlineConnector(connector)
    }
}

/// A connector that fails if its connection is not established by the deadline.
#[derive(Debug, Clone)]
pub(super) struct DeadlineConnector<S>(S);

impl<S, R> Service<R> for DeadlineConnector<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Send,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        // Read in the task that sends the request. Connecting in another task would fail instead of calling too late.
        let deadline = DEADLINE.try_with(Clone::clone);
        let connecting = self.0.call(target);
        Box::pin(async move {
            let Some(deadline) = deadline.map_err(|_| NotWritten::NoDeadline)? else {
                return connecting.await;
            };
            let left = deadline.left().ok_or(NotWritten::TooLate)?;
            tokio::pin!(connecting);
            match tokio::time::timeout(left, &mut connecting).await {
                Ok(connection) => {
                    let connection = connection?;
                    deadline.left().ok_or(NotWritten::TooLate)?;
                    Ok(connection)
                }
                // No request will be written. The outcome of the connection says why: the name does not resolve, or a timeout.
                Err(_) => match connecting.await {
                    Ok(_unused) => Err(NotWritten::NoConnection.into()),
                    Err(error) => Err(error),
                },
            }
        })
    }
}
