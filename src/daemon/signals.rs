//! What the operator asks of the process by signal (contract section 10).

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A request that came as a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM or SIGINT: drain and exit.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR1: a poll of every account is due now.
    ResyncAll,
}

/// The installed handlers. A signal that comes before anybody asks is kept; several of a kind become one.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
}

impl Signals {
    /// Installs the handlers. Call it before anything else: from here on, none of the four ends the process.
    ///
    /// # Errors
    /// When the system refuses a handler. Must be called within a tokio runtime.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for a request to stop, and leaves the others for later.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for the next request; a stop goes before all others. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.user1.recv() => Asked::ResyncAll,
        }
    }
}
