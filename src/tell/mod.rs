//! The way out: claim a delivery, send it, settle it (contract section 7).
//!
//! [`render`] makes the body a destination wants, [`sign`] its signature, [`send`] makes one attempt, [`verdict`] says what the
//! attempt means, [`retry`] when the next one is due. [`dispatch`] keeps one worker per destination that drives them.

pub mod attempt;
mod backlog;
pub mod destination;
pub mod dispatch;
mod gate;
pub mod phrases;
pub mod redact;
pub mod render;
pub mod retry;
pub mod send;
pub mod sendpilot;
pub mod sign;
pub mod slack;
pub mod verdict;
mod worker;

use crate::domain::event::EventType;

pub use destination::{Destination, InDoubt, Kind, Rate};
pub use dispatch::{Dispatcher, Reload};

/// What the dispatcher tells while it works. Called between two awaits: return at once.
pub trait Observer: Send + Sync + 'static {
    /// An attempt ended. `result` is one of `delivered`, `retry`, `dead`, `in_doubt` and `gone`.
    fn attempted(&self, destination: &str, event: EventType, result: &'static str) {
        let _ = (destination, event, result);
    }
}

/// Why a delivery of a removed destination is held. One that comes back into the configuration gets them by a replay.
const REMOVED: &str =
    "The destination is not in the configuration any more. Replay it if it comes back";
