//! The interface to systemd: the sockets that it hands over, and the states that it is notified of.
//!
//! Without systemd no message is sent and there are no sockets to take over.

use std::io;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use anyhow::{Context, bail};
use sd_notify::NotifyState;
use socket2::{Socket, Type};

/// The `FileDescriptorName=` of the sockets that serve the API.
pub const ADMIN_SOCKET: &str = "admin";

/// A listening socket that systemd opened.
pub struct Inherited {
    /// Its `FileDescriptorName=`: by default the name of the socket unit.
    pub name: String,
    /// The socket, ready for the async runtime.
    pub listener: TcpListener,
}

/// Takes the listeners that systemd opened for this process (`acceptd.socket`, `acceptd-admin.socket`). Call it once, at the
/// start.
///
/// # Errors
/// When a descriptor that was handed over is not a listening TCP socket; the text says what to change in the socket unit.
pub fn take_listeners() -> anyhow::Result<Vec<Inherited>> {
    // The variables stay in the environment: removing them is not safe beside other threads, and LISTEN_PID keeps children
    // from using them.
    sd_notify::listen_fds_with_names()
        .context("LISTEN_PID or LISTEN_FDS can't be read, though systemd sets them")?
        .map(|(fd, name)| {
            let listener = take(fd)?;
            Ok(Inherited { name, listener })
        })
        .collect()
}

fn take(fd: RawFd) -> anyhow::Result<TcpListener> {
    // SAFETY: the descriptor was handed over for this process alone (LISTEN_PID), and each is taken once.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    listener(Socket::from(owned)).with_context(|| {
        format!(
            "descriptor {fd} from systemd is not a listening TCP socket; \
             the socket unit needs ListenStream= with an address and a port, and Accept=no"
        )
    })
}

fn listener(socket: Socket) -> anyhow::Result<TcpListener> {
    if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
        bail!("it is not a listening stream");
    }
    let address = socket.local_addr()?;
    if address.as_socket().is_none() {
        bail!("it is not bound to an IP address and port");
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Says that the database is open, the sockets are bound and connections are served. `status` is the first STATUS line.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Sends one line on what the process is doing, for `systemctl status`.
pub fn status(status: &str) {
    notify(&[NotifyState::Status(status)]);
}

/// Says that a reload begins. [`ready`] ends it, whether or not the new configuration is used.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        // systemd 253 and later waits for the time, so without it the reload is not announced at all.
        Err(error) => tracing::debug!(%error, "the monotonic clock can't be read"),
    }
}

/// Says that the process drains and will exit.
pub fn stopping() {
    notify(&[
        NotifyState::Stopping,
        NotifyState::Status("Stopping: finishing requests and deliveries in flight."),
    ]);
}

/// Feeds the watchdog. [`super::watchdog`] decides when.
pub(super) fn feed_watchdog() {
    notify(&[NotifyState::Watchdog]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = send(states) {
        tracing::debug!(%error, "systemd can't be notified of the state of the service");
    }
}

/// Sends like `sd_notify::notify`, and also to abstract sockets, which systemd often uses in containers.
fn send(states: &[NotifyState<'_>]) -> io::Result<()> {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&name)?,
    };
    let text: String = states.iter().map(|state| format!("{state}\n")).collect();
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::Domain;
    use std::net::SocketAddr;

    #[test]
    fn only_a_listening_tcp_socket_is_taken() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let tcp = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        tcp.bind(&any.into()).expect("a free port");
        assert!(listener(tcp.try_clone().expect("a copy")).is_err());
        tcp.listen(8).expect("listens");
        assert!(listener(tcp).is_ok());

        let udp = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
        assert!(listener(udp).is_err());
        let (unix, _other) = Socket::pair(Domain::UNIX, Type::STREAM, None).expect("a pair");
        assert!(listener(unix).is_err());
    }
}
