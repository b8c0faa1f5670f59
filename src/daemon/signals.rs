//! The signals that the process handles (see docs/commands.md).

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A request that came as a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRequest {
    /// SIGTERM or SIGINT: drain and exit.
    Stop,
    /// SIGHUP: reload the configuration.
    Reload,
    /// SIGUSR1: a poll of every account is due now.
    ResyncAll,
}

/// The installed handlers. A signal is kept until it is read; several of one kind become one.
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
    /// If the system refuses a handler. Must be called within a tokio runtime.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for a request to stop, and keeps other requests for later.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for the next request. A stop comes before all others. Dropping the future loses no signal.
    pub async fn next(&mut self) -> SignalRequest {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => SignalRequest::Stop,
            _ = self.interrupt.recv() => SignalRequest::Stop,
            _ = self.hangup.recv() => SignalRequest::Reload,
            _ = self.user1.recv() => SignalRequest::ResyncAll,
        }
    }
}
