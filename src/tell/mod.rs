//! The way out: claim a delivery, send it, settle it (contract section 7).
//!
//! [`render`] makes the body a destination wants, [`sign`] its signature, [`send`] makes one attempt, [`verdict`] says what the
//! attempt means, [`retry`] when the next one is due. All but [`send`] are pure.

pub mod attempt;
pub mod destination;
pub mod phrases;
pub mod redact;
pub mod render;
pub mod retry;
pub mod send;
pub mod sendpilot;
pub mod sign;
pub mod slack;
pub mod verdict;

pub use destination::{Destination, InDoubt, Kind};
