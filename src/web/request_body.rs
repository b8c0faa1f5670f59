//! The body of a request while it arrives: tells the connection when it is whole, and discards the rest of a body that the
//! handler did not read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::body::BODY_TIMEOUT;
use super::places::Connection;

/// How much of an unread body is discarded before the connection is closed. A client that sends its whole body before it reads
/// would otherwise see a reset instead of the answer.
const DISCARD_MAX: usize = 16 * 1024 * 1024;
/// How long discarding may take.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// The body of one request.
pub struct RequestBody {
    /// `None` after the body was whole, broken or dropped.
    incoming: Option<Incoming>,
    size: SizeHint,
    connection: Arc<Connection>,
    request: u64,
    began: Instant,
    /// Whether the client waits for "100 Continue", which is sent when the body is first polled.
    expects_continue: bool,
}

impl RequestBody {
    /// Wraps the body of request number `request` on its connection.
    pub fn new(
        incoming: Incoming,
        headers: &HeaderMap,
        connection: &Arc<Connection>,
        request: u64,
    ) -> Self {
        let mut body = Self {
            size: incoming.size_hint(),
            incoming: Some(incoming),
            connection: connection.clone(),
            request,
            began: Instant::now(),
            expects_continue: headers.contains_key(header::EXPECT),
        };
        body.check_end();
        body
    }

    fn check_end(&mut self) {
        if self.incoming.as_ref().is_some_and(HttpBody::is_end_stream) {
            self.set_whole();
        }
    }

    fn set_whole(&mut self) {
        self.incoming = None;
        self.connection.request_is_whole(self.request);
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.expects_continue = false;
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(incoming).poll_frame(cx));
        match &frame {
            None => self.set_whole(),
            Some(Ok(_)) => self.check_end(),
            Some(Err(_)) => self.incoming = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(rest) = self.incoming.take().filter(|_| !self.expects_continue) else {
            return;
        };
        let left = BODY_TIMEOUT.saturating_sub(self.began.elapsed());
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && !left.is_zero()
        {
            runtime.spawn(tokio::time::timeout(
                left.min(DISCARD_TIMEOUT),
                discard(rest),
            ));
        }
    }
}

async fn discard(mut rest: Incoming) {
    let mut left = DISCARD_MAX;
    while let Some(Ok(frame)) = rest.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(less) => left = less,
            None => return,
        }
    }
}
