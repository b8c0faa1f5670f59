//! The socket of a connection, and a way to learn that the other side closed it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// The time between two checks of a socket that holds unread bytes.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The socket of one connection.
pub struct Socket(Arc<TcpStream>);

impl Socket {
    /// Wraps a stream.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream))
    }

    /// Returns a watch on the socket. It does not keep the socket open.
    #[must_use]
    pub fn hangup(&self) -> Hangup {
        Hangup(Arc::downgrade(&self.0))
    }

    fn write(
        &self,
        cx: &mut Context<'_>,
        mut try_write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match try_write(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read_buf(buf) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream| stream.try_write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream| stream.try_write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write))
    }
}

/// Reports when the other side has closed a connection, even if nothing is read from it.
#[derive(Debug, Clone)]
pub struct Hangup(Weak<TcpStream>);

impl Hangup {
    /// Returns when the other side has closed its direction. A client that waits for an answer may do that too, so this is only for
    /// event streams, which have no end.
    pub async fn happened(self) {
        loop {
            let Some(stream) = self.0.upgrade() else {
                return;
            };
            match stream.ready(Interest::READABLE).await {
                Ok(ready) if !ready.is_read_closed() => tokio::time::sleep(RECHECK_INTERVAL).await,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_close_is_noticed_and_unread_bytes_are_not_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut theirs = TcpStream::connect(address).await.unwrap();
        let mut ours = Socket::new(listener.accept().await.unwrap().0);
        ours.write_all(b"hello").await.unwrap();
        let mut read = [0; 5];
        theirs.read_exact(&mut read).await.unwrap();
        theirs.write_all(b"x").await.unwrap();
        let heard = ours.hangup().happened();
        tokio::pin!(heard);
        let early = timeout(Duration::from_millis(100), heard.as_mut()).await;
        assert!(early.is_err(), "nobody closed it");
        drop(theirs);
        let late = timeout(Duration::from_secs(10), heard).await;
        assert!(late.is_ok(), "it was closed");
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"x");
    }
}
