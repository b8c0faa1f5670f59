//! The way out: claim a delivery, send it, settle it.
