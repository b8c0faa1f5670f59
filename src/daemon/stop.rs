//! A stop that takes a bounded time, whatever hangs: a request, a delivery, a thread in a system call.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The longest time between SIGTERM or SIGINT and the end of the process. Deliveries in flight get 10 s of it.
const STOP_MAX: Duration = Duration::from_millis(11_500);

/// Waits for SIGTERM or SIGINT beside [`super::signals::Signals`]: both are told of every signal.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Installs the handlers.
    ///
    /// # Errors
    /// When the system refuses a handler. Must be called within a tokio runtime.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns when the process is asked to stop.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ends the process with status 0 if it is still there 11.5 s after it was asked to stop. Nothing is lost: what was
    /// acknowledged is on disk, and a delivery that was cut off is in doubt at the next start.
    pub fn bound(mut self) {
        tokio::spawn(async move {
            self.asked().await;
            // A thread of its own: it runs whatever the runtime's threads are doing.
            let bound = std::thread::Builder::new().name("stop".to_owned());
            let started = bound.spawn(|| {
                std::thread::sleep(STOP_MAX);
                tracing::warn!(
                    after_s = STOP_MAX.as_secs_f64(),
                    "the stop took too long: ending without the rest"
                );
                std::process::exit(0);
            });
            if let Err(error) = started {
                tracing::warn!(%error, "no thread to bound the stop");
            }
        });
    }
}
