//! Incoming webhooks: authenticate the sender, read the body, and apply it. See `docs/rules/webhooks.md`.

mod ledger;
mod read;
pub mod sendpilot;
pub mod unipile;
pub mod verify;

pub use read::json;
