//! The process: build, run, drain; signals, systemd, telemetry.
