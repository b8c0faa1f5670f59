//! The terms and rules of the program as types and pure functions, without I/O and without a clock.
//!
//! Every other module may import this one. It imports none of them.

pub mod account;
pub mod audit;
pub mod bad_input;
pub mod campaign;
pub mod delivery;
pub mod enrollment;
pub mod error;
pub mod event;
pub mod identity;
pub mod ids;
pub mod note;
pub mod patch;
pub mod provider;
pub mod role;
pub mod schedule;
pub mod secret_url;
pub mod signal;
pub mod time;
pub mod word_list;
