//! Calls to providers: the boundary, the APIs behind it, and the pacer that grants each call its permit.
//!
//! [`api`] is what the rest of the program knows. A provider is a folder that implements it.

pub mod answers;
pub mod api;
mod deadline;
pub mod error;
mod identifier;
mod json;
pub mod leads;
mod memory;
pub mod pacer;
pub mod permit;
pub mod register;
mod transport;
pub mod unipile;

pub use api::{Answer, Client, Clients, ProviderApi};
pub use error::CallError;
pub use identifier::safe_identifier;
pub use permit::Permit;
