//! The process: build, run, drain; signals, systemd, telemetry.

pub mod destinations;
pub mod housekeeping;
mod journal;
pub mod measure;
pub mod observe;
pub mod signals;
pub mod systemd;
pub mod telemetry;
pub mod watchdog;
