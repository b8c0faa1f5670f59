//! Bounds the time of a stop, even if a request, a delivery or a thread in a system call hangs.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The longest time between SIGTERM or SIGINT and the end of the process. Deliveries in flight get 10 s of it.
const STOP_MAX: Duration = Duration::from_millis(11_500);

/// Waits for SIGTERM or SIGINT. [`super::signals::Signals`] gets the same signals: each gets every signal.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Installs the handlers.
    ///
    /// # Errors
    /// If the system refuses a handler. Must be called within a tokio runtime.
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

    /// Ends the process with status 0 if it still runs 11.5 s after it was asked to stop. Acknowledged webhooks are on disk by then,
    /// and a delivery that was cut off is in doubt at the next start.
    pub fn bound(mut self) {
        tokio::spawn(async move {
            self.asked().await;
            // A separate thread runs even if all threads of the runtime hang.
            let bound = std::thread::Builder::new().name("stop".to_owned());
            let started = bound.spawn(|| {
                std::thread::sleep(STOP_MAX);
                tracing::warn!(
                    after_s = STOP_MAX.as_secs_f64(),
                    "stop took too long, exiting"
                );
                std::process::exit(0);
            });
            if let Err(error) = started {
                tracing::warn!(%error, "no thread to bound the stop");
            }
        });
    }
}
