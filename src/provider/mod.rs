//! Calls to the provider: the client, the types of its answers, and the pacer that grants each call its permit.

pub mod client;
#[cfg(test)]
mod client_tests;
mod deadline;
pub mod error;
mod memory;
pub mod pacer;
pub mod permit;
pub mod register;
pub mod types;

pub use client::{Unipile, safe_identifier};
pub use error::CallError;
pub use memory::BodyMemory;
pub use permit::Permit;
