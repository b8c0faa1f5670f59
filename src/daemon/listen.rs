//! The listening sockets: those that systemd hands over, else one of our own.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

use super::systemd;
use crate::config::{Config, is_loopback};

/// Connections that wait to be accepted. The system caps it (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

/// Where the daemon listens.
pub struct Listeners {
    /// Ready to accept; never empty.
    pub sockets: Vec<TcpListener>,
    /// Whether systemd holds them too, so that a restart refuses no connection.
    pub from_systemd: bool,
}

/// The API would be open to other machines: `server.listen` is on loopback, but the sockets that systemd handed over are not.
#[derive(Debug, thiserror::Error)]
#[error(
    "server.admin_token is empty, but the daemon listens beyond loopback: set a long random one, such as from `openssl rand -hex 32`, so that not everybody may use the API"
)]
pub struct Unguarded;

impl Listeners {
    /// Refuses to serve other machines without a token.
    ///
    /// # Errors
    /// [`Unguarded`].
    pub fn guarded(&self, config: &Config) -> Result<(), Unguarded> {
        guarded(self.beyond_loopback(), config)
    }

    /// Whether another machine can reach it.
    #[must_use]
    pub fn beyond_loopback(&self) -> bool {
        self.sockets
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
            .any(|address| !is_loopback(address.ip()))
    }
}

/// Like [`Listeners::guarded`], where it is known whether other machines can reach the daemon.
///
/// # Errors
/// [`Unguarded`].
pub fn guarded(beyond_loopback: bool, config: &Config) -> Result<(), Unguarded> {
    if beyond_loopback && config.is_open() {
        return Err(Unguarded);
    }
    Ok(())
}

impl super::Daemon {
    /// Makes links that log in once, with the token of this name.
    ///
    /// # Errors
    /// See [`Daemon::address`](super::Daemon::address).
    pub fn login_links(
        &self,
        token: &'static str,
    ) -> anyhow::Result<impl Fn() -> String + Send + Sync + use<>> {
        let (app, address) = (self.app.clone(), self.address()?);
        Ok(move || {
            let path = app.login_links().make(token, &app.clock);
            format!("http://{address}{path}")
        })
    }

    /// Where it can be reached: the first of its sockets.
    ///
    /// # Errors
    /// When there is none, or the system does not know its address.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let socket = self
            .listeners
            .sockets
            .first()
            .context("there is no socket")?;
        Ok(socket.local_addr()?)
    }
}

/// Takes over systemd's sockets; without any, binds `listen`.
///
/// # Errors
/// When a socket that was handed over can't be used, or the address can't be bound.
pub fn listeners(listen: SocketAddr) -> anyhow::Result<Listeners> {
    let taken = systemd::take_listeners()?;
    if taken.is_empty() {
        return Ok(Listeners {
            sockets: vec![bind(listen)?],
            from_systemd: false,
        });
    }
    let sockets = taken
        .into_iter()
        .map(TcpListener::from_std)
        .collect::<Result<Vec<_>, _>>()
        .context("a socket from systemd can't be used")?;
    let elsewhere = sockets
        .iter()
        .filter_map(|socket| socket.local_addr().ok())
        .all(|address| address != listen);
    if elsewhere {
        tracing::warn!(
            %listen,
            "systemd's socket is not at server.listen: the other commands look for the daemon there. \
             Make ListenStream= of the socket unit and server.listen the same"
        );
    }
    Ok(Listeners {
        sockets,
        from_systemd: true,
    })
}

fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = match listen {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for old connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket
        .bind(listen)
        .and_then(|()| socket.listen(BACKLOG))
        .with_context(|| format!("can't listen on {listen} (server.listen)"))
}
