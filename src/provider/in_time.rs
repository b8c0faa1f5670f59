//! Lets no request leave after its deadline: a layer around the connector, so that neither a name that does not resolve nor a slow
//! handshake can delay a request beyond its permit.
//!
//! The last look at the deadline comes when the connection is up. The request is written next, without anything in between that waits
//! for a peer or a lock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::{BoxError, Layer, Service};

use super::permit::Deadline;

tokio::task_local! {
    /// The deadline of the request that is being sent; `None` for one that is about no account.
    static DEADLINE: Option<Deadline>;
}

/// Why no request was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotWritten {
    /// This side was too slow.
    #[error("the call could not leave within a second of its permit")]
    TooLate,
    /// The connection did not come up in time.
    #[error("the connection took longer than a second, name resolution and TLS included")]
    NoConnection,
    /// A request was sent outside of [`leave_by`]; a mistake in this program.
    #[error("the request has no deadline")]
    NoDeadline,
}

/// Sends a request that has to leave by a deadline. Every request of a client with [`InTime`] is sent in here.
pub(super) async fn leave_by<F: Future>(deadline: Option<Deadline>, sending: F) -> F::Output {
    DEADLINE.scope(deadline, sending).await
}

/// The layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct InTime;

impl<S> Layer<S> for InTime {
    type Service = InTimeConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        InTimeConnector(connector)
    }
}

/// A connector whose connections come in time or not at all.
#[derive(Debug, Clone)]
pub(super) struct InTimeConnector<S>(S);

impl<S, R> Service<R> for InTimeConnector<S>
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
        // Looked up here, where the request is being sent. A client that connected elsewhere would fail instead of calling too late.
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
                // No call will be made. What becomes of the connection says why: a name that does not resolve, a timeout.
                Err(_) => match connecting.await {
                    Ok(_unused) => Err(NotWritten::NoConnection.into()),
                    Err(error) => Err(error),
                },
            }
        })
    }
}
