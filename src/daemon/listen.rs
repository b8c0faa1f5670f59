//! The listening sockets: those that systemd hands over, and others that the daemon binds itself.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

use super::systemd;
use crate::config::{Config, Server, is_loopback};

/// Connections that wait to be accepted. The system caps it (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

/// The sockets of one configured address.
pub struct Sockets {
    /// Ready to accept; never empty.
    pub sockets: Vec<TcpListener>,
    /// Whether systemd holds them too, so that a restart refuses no connection.
    pub from_systemd: bool,
}

/// Where the daemon listens.
pub struct Listeners {
    /// `server.listen`: serves everything, or only webhooks if there is an `admin`.
    pub listen: Sockets,
    /// `server.admin_listen`: serves the API, the dashboard, health and metrics.
    pub admin: Option<Sockets>,
}

/// The API would be open to other machines: its configured address is on loopback, but the sockets that systemd handed over are
/// not.
#[derive(Debug, thiserror::Error)]
#[error(
    "server.admin_token is empty, but the daemon listens beyond loopback: set a long random one, such as from `openssl rand -hex 32`, so that not everybody may use the API"
)]
pub struct Unguarded;

impl Sockets {
    /// Whether another machine can reach one of them.
    fn beyond_loopback(&self) -> bool {
        self.addresses().any(|address| !is_loopback(address.ip()))
    }

    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
    }
}

impl Listeners {
    /// The sockets that serve the API.
    fn api(&self) -> &Sockets {
        self.admin.as_ref().unwrap_or(&self.listen)
    }

    /// Refuses to show the API to other machines without a token.
    ///
    /// # Errors
    /// [`Unguarded`] if another machine can reach the API and there is no token.
    pub fn guarded(&self, config: &Config) -> Result<(), Unguarded> {
        guarded(self.api_beyond_loopback(), config)
    }

    /// Whether another machine can reach the API.
    #[must_use]
    pub fn api_beyond_loopback(&self) -> bool {
        self.api().beyond_loopback()
    }

    /// Logs every address and what is served there.
    pub(super) fn log(&self) {
        let split = self.admin.is_some();
        for (sockets, serves) in [
            (Some(&self.listen), if split { "webhooks" } else { "all" }),
            (self.admin.as_ref(), "api"),
        ] {
            let from_systemd = sockets.is_some_and(|sockets| sockets.from_systemd);
            for address in sockets.into_iter().flat_map(Sockets::addresses) {
                tracing::info!(%address, serves, from_systemd, "listening");
            }
        }
    }

    /// Warns of sockets from systemd that the configuration does not describe. The configuration can't see them, so its own
    /// warnings say nothing about them.
    fn warn(&self, server: &Server) {
        let all = self.admin.iter().chain([&self.listen]);
        if all
            .filter(|sockets| sockets.from_systemd)
            .any(Sockets::beyond_loopback)
        {
            tracing::warn!(
                "systemd's socket is not on loopback, and the daemon speaks plain HTTP: tokens and webhook secrets travel in the clear. \
                 Listen on loopback behind a proxy that does TLS"
            );
        }
        let api = self.api();
        if !api.from_systemd {
            return;
        }
        match (&self.admin, server.admin_listen) {
            (Some(_), None) => {
                let address = api.addresses().next().map(|address| address.to_string());
                tracing::warn!(
                    address,
                    "systemd hands over a socket named admin, so the API is served there only, but server.admin_listen is empty: \
                     the other commands look for the daemon at server.listen. Set server.admin_listen to the address of the socket, \
                     or run `systemctl disable --now acceptd-admin.socket` and restart the service"
                );
            }
            _ if api
                .addresses()
                .all(|address| address != server.api_listen()) =>
            {
                let key = match self.admin {
                    Some(_) => "server.admin_listen",
                    None => "server.listen",
                };
                tracing::warn!(
                    key,
                    configured = %server.api_listen(),
                    "systemd's socket is not at the configured address: the other commands look for the daemon there. \
                     Make ListenStream= of the socket unit and the configuration the same"
                );
            }
            _ => {}
        }
    }
}

/// Like [`Listeners::guarded`], for a caller that already knows whether another machine can reach the API.
///
/// # Errors
/// [`Unguarded`] if it can and there is no token.
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

    /// Returns the address of the API: the first of its sockets.
    ///
    /// # Errors
    /// If there is no socket, or the system does not know its address.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let socket = self.listeners.api().sockets.first();
        Ok(socket.context("there is no socket")?.local_addr()?)
    }
}

/// Takes over systemd's sockets, and binds each configured address for which there is none. A socket that is named `admin` is
/// `admin_listen`; every other one is `listen`.
///
/// # Errors
/// When a socket that was handed over can't be used, or an address can't be bound.
pub fn listeners(server: &Server) -> anyhow::Result<Listeners> {
    let (mut listen, mut admin) = (Vec::new(), Vec::new());
    for inherited in systemd::take_listeners()? {
        let socket = TcpListener::from_std(inherited.listener)
            .context("a socket from systemd can't be used")?;
        let group = if inherited.name == systemd::ADMIN_SOCKET {
            &mut admin
        } else {
            &mut listen
        };
        group.push(socket);
    }
    let listeners = Listeners {
        listen: Sockets::new(listen, || bind(server.listen, "server.listen"))?,
        admin: match (admin.is_empty(), server.admin_listen) {
            (true, None) => None,
            (true, Some(address)) => Some(Sockets::new(admin, || {
                bind(address, "server.admin_listen")
            })?),
            (false, _) => Some(Sockets {
                sockets: admin,
                from_systemd: true,
            }),
        },
    };
    listeners.warn(server);
    Ok(listeners)
}

impl Sockets {
    /// The sockets that systemd handed over, or the one that `bind` makes if there are none.
    fn new(
        inherited: Vec<TcpListener>,
        bind: impl FnOnce() -> anyhow::Result<TcpListener>,
    ) -> anyhow::Result<Self> {
        let from_systemd = !inherited.is_empty();
        let sockets = if from_systemd {
            inherited
        } else {
            vec![bind()?]
        };
        Ok(Self {
            sockets,
            from_systemd,
        })
    }
}

fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for old connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket
        .bind(address)
        .and_then(|()| socket.listen(BACKLOG))
        .with_context(|| format!("can't listen on {address} ({key})"))
}
