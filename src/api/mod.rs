//! The requests and answers of the HTTP API as types: what the handlers read and write, what the commands read, and what the
//! OpenAPI document is generated from.
//!
//! One file per resource. [`read`] turns JSON and query strings into these types and names the field that is wrong. `web` fills
//! the answers from the rows of the database.

pub mod accounts;
pub mod audit;
pub mod campaigns;
pub mod deliveries;
pub mod destinations;
pub mod enrollments;
pub mod events;
pub mod fields;
pub mod imports;
pub mod page;
pub mod problem;
pub mod process;
pub mod read;
pub mod resyncs;
pub mod signals;
pub mod stats;
mod words;
