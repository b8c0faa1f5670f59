//! Unipile, with its two APIs. They run side by side while customers move their accounts.

pub mod v1;
pub mod v2;
