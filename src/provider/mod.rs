//! Calls out to Unipile: the client, its types, and the pacer whose permit lets a call leave.

pub mod client;
#[cfg(test)]
mod client_tests;
pub mod error;
mod in_time;
pub mod pacer;
pub mod permit;
pub mod register;
mod room;
pub mod types;

pub use client::{Unipile, safe_identifier};
pub use error::CallError;
pub use permit::Permit;
pub use room::Room;
