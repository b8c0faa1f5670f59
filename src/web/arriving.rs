//! A request's body on its way in: says when it is whole, and throws a rest away that nobody wanted to read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::body::BODY_TIMEOUT;
use super::places::Guest;

/// How much of an unread body is thrown away before the connection is closed. A client that sends all of its body before it
/// reads would otherwise find the connection reset in place of the answer.
const DISCARD_MAX: usize = 16 * 1024 * 1024;
/// The longest that throwing away takes.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// The body of one request.
pub struct Arriving {
    /// `None` once it is whole, broken or given up.
    incoming: Option<Incoming>,
    size: SizeHint,
    guest: Arc<Guest>,
    request: u64,
    began: Instant,
    /// The client sends its body only after "100 Continue", which it gets when the body is asked for.
    waits_for_us: bool,
}

impl Arriving {
    /// The body of the request with this number on its connection.
    pub fn new(incoming: Incoming, headers: &HeaderMap, guest: &Arc<Guest>, request: u64) -> Self {
        let mut arriving = Self {
            size: incoming.size_hint(),
            incoming: Some(incoming),
            guest: guest.clone(),
            request,
            began: Instant::now(),
            waits_for_us: headers.contains_key(header::EXPECT),
        };
        arriving.notice_the_end();
        arriving
    }

    fn notice_the_end(&mut self) {
        if self.incoming.as_ref().is_some_and(HttpBody::is_end_stream) {
            self.whole();
        }
    }

    fn whole(&mut self) {
        self.incoming = None;
        self.guest.is_whole(self.request);
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits_for_us = false;
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(incoming).poll_frame(cx));
        match &frame {
            None => self.whole(),
            Some(Ok(_)) => self.notice_the_end(),
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

impl Drop for Arriving {
    fn drop(&mut self) {
        let Some(rest) = self.incoming.take().filter(|_| !self.waits_for_us) else {
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
