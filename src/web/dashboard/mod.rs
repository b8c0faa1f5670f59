//! The dashboard: embedded files and the login.

pub mod assets;
