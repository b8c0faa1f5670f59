//! Deliveries: claim one, send it, settle it. The rules are in docs/rules/deliveries.md.
//!
//! [`render`] makes the request body, [`sign`] its signature, [`send`] makes one attempt, [`verdict`] says what the attempt means, and
//! [`retry`] says when the next one is due. [`dispatch`] runs one worker per destination, which drives all of them.

pub mod attempt;
mod backlog;
pub mod destination;
pub mod dispatch;
mod ended;
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

pub use destination::{Destination, DestinationKind, InDoubt, RateLimit};
pub use dispatch::{Dispatcher, Reload};

/// Hears of every delivery attempt, for example to count it. It is called on the async runtime, so it must not block.
pub trait DeliveryObserver: Send + Sync + 'static {
    /// Called when an attempt ended. `result` is one of `delivered`, `retry`, `dead`, `in_doubt` and `gone`.
    fn attempted(&self, destination: &str, event: EventType, result: &'static str) {
        let _ = (destination, event, result);
    }
}

/// The reason stored with a held delivery whose destination was removed from the configuration.
const REMOVED_REASON: &str = "The destination is not in the configuration any more. Add it again and replay this delivery to send it";
