//! Calls out to Unipile: the client, its types, and the pacer whose permit lets a call leave.

pub mod client;
#[cfg(test)]
mod client_tests;
pub mod error;
pub mod pacer;
pub mod permit;
pub mod register;
pub mod types;

pub use client::{Unipile, safe_identifier};
pub use error::CallError;
pub use permit::Permit;
