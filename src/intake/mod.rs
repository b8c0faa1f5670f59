//! Webhooks in: authenticate, understand, and hand over as signals.

pub mod apply;
mod read;
pub mod sendpilot;
pub mod unipile;
pub mod verify;

pub use read::json;
