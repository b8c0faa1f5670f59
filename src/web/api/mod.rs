//! The API under `/v1` (contract section 8).

pub mod stats;
pub mod stream;
