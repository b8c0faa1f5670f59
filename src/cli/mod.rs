//! The commands, one file each.

pub mod register;
pub mod serve;
