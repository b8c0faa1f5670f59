//! Incoming webhooks: authenticate the sender, read the body, and apply it. See `docs/rules/webhooks.md`.

mod ledger;
mod read;
mod receive;
pub mod secret_file;
pub mod sendpilot;
pub mod unipile;
pub mod verify;

pub use read::json;
pub use receive::{Intake, Rejection, Webhook};
