//! The process: it builds the parts, runs them and drains them, and speaks to systemd.

mod build;
mod calendar;
pub mod destinations;
pub mod housekeeping;
mod journal;
mod leads;
pub mod listen;
mod memory;
pub mod observe;
pub mod plan;
pub mod policy;
mod providers;
mod reload;
mod run;
pub mod signals;
mod status_line;
pub mod steps;
pub mod stop;
pub mod systemd;
pub mod telemetry;
pub mod watchdog;

pub use build::Daemon;
pub use providers::clients;
