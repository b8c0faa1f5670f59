//! Webhooks in: authenticate, understand, and hand over as signals.

mod read;
pub mod sendpilot;
pub mod unipile;
pub mod verify;
