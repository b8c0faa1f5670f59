//! Polling: regular ticks, the relations list, resyncs. See `docs/rules/polling.md`.
//!
//! [`driver`] goes through the accounts that are due, [`choose`] decides which call an account needs, the pacer decides when, [`call`]
//! makes the call, and [`page`] and [`resync`] apply the answer. All state is in the database; a wake-up carries none.

mod account_lists;
mod call;
mod choose;
mod cursors;
mod driver;
mod heartbeat;
mod keys;
mod page;
mod plan;
mod rate;
pub mod resync;

pub use choose::next_probe;
pub use driver::Poller;
pub use plan::Plan;
